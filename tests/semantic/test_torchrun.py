"""Several processes under torchrun train one network: same parameters everywhere, one checkpoint."""

import subprocess
import sys
from pathlib import Path

from safetensors.torch import load_file

SCRIPT = """
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from semantic.data.dataset import ImageFile, VehicleImages
from semantic.training.encoder import EncoderRecipe, train_encoder
from simulator.training.encoder import join_processes

out = Path(sys.argv[1])
device, first = join_processes("cpu")
rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
assert first == (rank == 0)
rng = np.random.default_rng(0)
vehicle = np.repeat(np.arange(4), 2)
pixels = rng.integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)
files = tuple(ImageFile(f"{i}.png", Path(f"{i}.png")) for i in range(8))
images = VehicleImages("made", files, vehicle, np.arange(8), vehicle, vehicle % 3, np.zeros(8, bool))
recipe = EncoderRecipe(phases=((32, 3),), vehicles_per_batch=4, images_per_vehicle=2)
network = train_encoder(
    pixels, images, recipe, out / "encoder.checkpoint.safetensors", lambda step, terms: None
)
parameters = {n: p.detach().contiguous() for n, p in network.named_parameters()}
save_file(parameters, out / f"rank{rank}.safetensors")
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
"""


def test_two_processes_make_one_network(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*torchrun, str(script), str(tmp_path / "two")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    subprocess.run([sys.executable, str(script), str(tmp_path / "one")], check=True, timeout=240)
    mine, other = (load_file(tmp_path / "two" / f"rank{rank}.safetensors") for rank in (0, 1))
    alone = load_file(tmp_path / "one" / "rank0.safetensors")
    assert all(mine[name].equal(other[name]) for name in mine)
    # Two processes see two batches a step, so they end elsewhere than one does.
    assert not all(mine[name].equal(alone[name]) for name in mine)
    kept = sorted(path.name for path in (tmp_path / "two").glob("*checkpoint*"))
    assert kept == ["encoder.checkpoint.safetensors"]
