"""Random weights for every learned scheme, for tests that ask nothing of the answers."""

import json
import shutil
from pathlib import Path

import torch

from semantic.deepjscc.network import DeepJsccNetwork
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS, SINGLE_TASK_PROTOCOL, single_task_directory
from semantic.losses import TASKS
from semantic.plus.network import PlusNetwork
from semantic.plus.output_feedback import OutputFeedbackNetwork
from semantic.plus.variants import VARIANTS
from semantic.tasks import TaskPerformers
from semantic.vq.network import VqNetwork
from semantic.weights.deepjscc import deepjscc_file, save_deepjscc
from semantic.weights.files import file_hash, write_tensors
from semantic.weights.stored import save_link, save_plus
from semantic.weights.vq import VQ, save_vq

IDENTITIES = 20


def write_random_weights(encoder: Path, root: Path) -> Path:
    """Writes a file for every learned scheme into `root`, beside a copy of the encoder's."""
    shutil.copy(encoder, root)
    for name, protocol in PROTOCOLS.items():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            link = LinkNetwork(IDENTITIES, detector=protocol.detector).eval()
        save_link(root / f"{name}.safetensors", link, {})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name in VARIANTS:
            plus = PlusNetwork(IDENTITIES, quantized=VARIANTS[name].hybrid).eval()
            if plus.quantizer is not None:
                plus.quantizer.codewords.normal_(0, 0.3)
                plus.quantizer.left.copy_(torch.tensor([1, 0.6, 0.4, 0.3]).repeat_interleave(64))
            save_plus(root / f"{name}.safetensors", plus, {})
        state = OutputFeedbackNetwork().state_dict() | {"scale": torch.ones(1024)}
        config = {"encoder_sha256": file_hash(root / "encoder.safetensors")}
        write_tensors(root / "feature-jscc-f.safetensors", state, {"config": json.dumps(config)})
        vq = VqNetwork(TaskPerformers(IDENTITIES), (4, 3, 3, 3, 3), 8)
        for name in ("projection", "codewords", "restoration"):
            vq.get_buffer(name).normal_()
        vq.accuracy.copy_(torch.linspace(0, 1, 6))
        save_vq(root / f"{VQ}.safetensors", vq, {})
        save_deepjscc(root / deepjscc_file(10), DeepJsccNetwork(10), {})
    for task in TASKS:
        own = root / single_task_directory(task)
        own.mkdir()
        for name in ("encoder", SINGLE_TASK_PROTOCOL):
            shutil.copy(root / f"{name}.safetensors", own)
    return root
