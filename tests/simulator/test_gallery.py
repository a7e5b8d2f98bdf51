"""A gallery that the server holds: queries that crossed the link against clean embeddings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from semantic.link.network import LinkNetwork
from semantic.weights.stored import load_encoder, save_link
from simulator.cli import main
from simulator.commands.terminal import headline
from simulator.results.compare import Side, compare_runs
from simulator.results.image_rows import image_rows
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.cells import CellRunner, Point, join_blocks
from simulator.sweeps.sweep import run_spec

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    return RunSpec(
        schemes=("semharq", "perfect", "jpeg-ldpc-bpsk"),
        snr_db=(-6.0, 6.0),
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
        gallery="clean",
    )


def quiet(what: str, done: int, total: int) -> None:
    pass


def brute_force(
    received: np.ndarray, held: np.ndarray, rows: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """(rank-1 hit, average precision) of each query, one query and one rank at a time."""
    hits, precisions = [], []
    query = rows["is_query"].to_numpy()
    vehicle, camera = rows["vehicle"].to_numpy(), rows["camera"].to_numpy()
    for q in np.flatnonzero(query):
        scores = []
        for g in np.flatnonzero(~query):
            if vehicle[g] == vehicle[q] and camera[g] == camera[q]:
                continue
            cosine = received[q] @ held[g]
            cosine /= np.linalg.norm(received[q]) * np.linalg.norm(held[g])
            scores.append((-cosine, vehicle[g] == vehicle[q]))
        right = [same for _, same in sorted(scores)]
        found = np.flatnonzero(right)
        hits.append(float(right[0]))
        precisions.append(np.mean([(i + 1) / (place + 1) for i, place in enumerate(found)]))
    return np.array(hits), np.array(precisions)


@pytest.mark.parametrize("scheme", ["semharq", "jpeg-ldpc-bpsk"])
def test_queries_meet_clean_embeddings(scheme: str, spec: RunSpec) -> None:
    """With performers of the link's own (semharq) and with the encoder's."""
    bench = CellRunner(prepare(replace(spec, schemes=(scheme,))), quiet)
    point = Point(scheme, -6.0, 0)
    cells = bench.cells(point, 17)  # blocks carry the outputs
    outputs, ledger = join_blocks([bench.compute(cell) for cell in cells])
    assert outputs.vehicle.shape == (len(outputs.embedding), 0)  # the largest tensor, for no row
    rows = bench.rows(point, outputs, ledger)
    link = getattr(bench.prepared.schemes[scheme], "link", None)
    network = bench.prepared.networks.encoder.network if link is None else link
    with torch.inference_mode():
        held = network.performers(bench.encoded.features.s).embedding
    hits, precisions = brute_force(outputs.embedding.double().numpy(), held.double().numpy(), rows)
    asked = rows[rows["is_query"]]
    assert asked["rank1_hit"].tolist() == hits.tolist()
    assert asked["average_precision"].to_numpy() == pytest.approx(precisions, abs=1e-6)
    crossed = image_rows(bench.dataset, outputs, ledger, bench.prepared.schemes[scheme].reasons)
    changed = (
        asked["average_precision"].to_numpy()
        != crossed[rows["is_query"].to_numpy()]["average_precision"].to_numpy()
    )
    assert changed.any()  # or both galleries are one


def test_only_retrieval_changes(spec: RunSpec) -> None:
    clean = run_spec(spec).images
    received = run_spec(replace(spec, gallery="received")).images
    retrieval = ["rank1_hit", "average_precision"]
    pd.testing.assert_frame_equal(
        clean.drop(columns=retrieval), received.drop(columns=retrieval), check_exact=True
    )
    without = clean["scheme"] == "perfect"
    pd.testing.assert_frame_equal(clean[without], received[without], check_exact=True)


def test_batches_and_blocks_change_no_bit(spec: RunSpec, tmp_path: Path) -> None:
    whole = run_spec(replace(spec, schemes=("semharq",))).images
    parts = run_spec(replace(spec, schemes=("semharq",), batch_size=7)).images
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)


def test_it_stands_in_the_headline_the_identity_and_run_json(spec: RunSpec, tmp_path: Path) -> None:
    clean, received = prepare(spec), prepare(replace(spec, gallery="received"))
    assert "that the server stores" in headline(clean)
    assert "that the server stores" not in headline(received)
    point = Point("semharq", 6.0, 0)
    keys = {CellRunner(run, quiet).cells(point, 1000)[0].key for run in (clean, received)}
    assert len(keys) == 2
    line = ["--scheme", "perfect", "--snr", "0", "--gallery", "clean", "--data", spec.data]
    weights = ["--weights", str(spec.weights), "--out", str(tmp_path / "run"), "--quiet"]
    done = CliRunner().invoke(main, [*line, *weights])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["spec"]["gallery"] == "clean"
    wrong = CliRunner().invoke(main, ["--scheme", "perfect", "--gallery", "cleen"])
    assert wrong.exit_code == 2
    assert "gallery 'cleen' is not allowed" in wrong.output
    assert "clean" in wrong.output


def test_performers_that_are_shared_give_the_encoders_embeddings(
    spec: RunSpec, tiny_weights: Path, tmp_path: Path
) -> None:
    encoder = load_encoder(str(tiny_weights)).network
    save_link(
        tmp_path / "smsc-fir.safetensors",
        LinkNetwork(20, detector=None, clean=encoder.performers).eval(),
        {},
    )
    (tmp_path / "encoder.safetensors").symlink_to(tiny_weights / "encoder.safetensors")
    shared = replace(spec, schemes=("smsc-fir", "perfect"), weights=str(tmp_path))
    bench = CellRunner(prepare(shared), quiet)
    schemes, rows = bench.prepared.schemes, np.arange(len(bench.kept))
    ours, theirs = (
        schemes[name].clean_embedding(bench.encoded, rows) for name in ("smsc-fir", "perfect")
    )
    assert torch.equal(ours, theirs)


def test_comparing_with_a_run_of_an_earlier_version_says_so(spec: RunSpec) -> None:
    rows = run_spec(replace(spec, schemes=("perfect",))).images
    new, old = Side("new", rows), Side("old", rows.drop(columns="uses_charged"))
    with pytest.raises(ValueError, match="old was made by a version without 'uses_charged'"):
        compare_runs(new, old, ["uses_charged"])
    assert (compare_runs(new, old)["difference"] == 0).all()


def test_uses_charged_pays_for_control_bits_at_capacity(spec: RunSpec) -> None:
    rows = run_spec(replace(spec, schemes=("semharq",), gallery="received")).images
    bits = rows["feedback_bits"] + rows["side_information_bits"]
    assert (bits > 0).all()
    expected = rows["channel_uses"] + bits / np.log2(1 + 10 ** (rows["snr_db"] / 10))
    assert rows["uses_charged"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)
