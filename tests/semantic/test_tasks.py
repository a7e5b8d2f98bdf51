"""Semantic decoders and task performers."""

import math

import torch

from semantic.link.jsc import JscDecoder, JscEncoder
from semantic.tasks import TaskOutputs, TaskPerformers


def outputs(vehicle: torch.Tensor, color: torch.Tensor, type: torch.Tensor) -> TaskOutputs:
    return TaskOutputs(torch.zeros(len(vehicle), 4), vehicle, color, type)


def test_uncertainty_of_uniform_posteriors_is_the_mean_log_of_the_classes() -> None:
    u = outputs(torch.full((3, 576), 7.0), torch.zeros(3, 10), torch.full((3, 9), -2.0))
    expected = (math.log(576) + math.log(10) + math.log(9)) / 3
    assert torch.allclose(u.uncertainty(), torch.full((3,), expected))


def test_uncertainty_of_two_equal_choices_in_one_task() -> None:
    sure = torch.zeros(1, 9)
    sure[0, 4] = 1000.0
    torn = torch.full((1, 10), -1000.0)
    torn[0, [2, 7]] = 0.0
    vehicle = torch.zeros(1, 20)
    vehicle[0, 0] = 1000.0
    assert outputs(vehicle, torn, sure).uncertainty().item() == torch.tensor(math.log(2) / 3)


def test_uncertainty_is_per_image_and_bounded() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [5 * torch.randn(50, classes, generator=generator) for classes in (20, 10, 9)]
    u = outputs(*logits).uncertainty()
    assert ((u > 0) & (u < math.log(20 * 10 * 9) / 3)).all()
    assert torch.allclose(outputs(*(v[7:8] for v in logits)).uncertainty(), u[7:8])


def test_probabilities_sum_to_one_and_follow_the_logits() -> None:
    found = outputs(torch.randn(4, 20), torch.randn(4, 10), torch.randn(4, 9))
    for p, logits in zip(found.probabilities, found[1:], strict=True):
        assert torch.allclose(p.sum(1), torch.ones(4))
        assert torch.equal(p.argmax(1), logits.argmax(1))


def test_sizes_are_those_of_the_papers_layer_table() -> None:
    def millions(module: torch.nn.Module) -> float:
        return round(sum(p.numel() for p in module.parameters()) / 1e6, 2)

    assert millions(TaskPerformers(576)) == 2.70  # VeRi-776 has 576 training identities
    assert millions(JscEncoder()) == 2.10
    assert millions(JscDecoder(16 * 1024)) == 17.83


def test_embedding_is_what_the_identity_is_read_from() -> None:
    performers = TaskPerformers(7)
    found = performers(torch.randn(3, 1024))
    assert found.embedding.shape == (3, 1024)
    assert torch.allclose(performers.performers[0](found.embedding), found.vehicle)
