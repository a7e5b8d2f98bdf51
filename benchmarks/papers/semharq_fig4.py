"""SemHARQ, Fig. 4: where on a image each task's answer comes from (Grad-CAM), at several SNRs.

    python benchmarks/papers/semharq_fig4.py

To be copied and changed: other images, SNRs, tasks, channel.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from phy.channels.fading import Rician
from semantic.data.images import load_images
from semantic.data.opening import open_dataset
from semantic.encoder.densenet import normalize
from simulator.papers.gradcam import TASKS, heat_maps
from simulator.setup.networks import Networks
from simulator.spec import RunSpec
from simulator.training.channel import training_channel

SNRS_DB = (-6.0, 0.0, 8.0)

spec = RunSpec()
networks, images = Networks(spec, "cpu"), open_dataset(spec.data)
link, encoder = networks.link("semharq"), networks.encoder.network
query = np.flatnonzero(images.is_query)[:1]
pixels, _, _ = load_images(images.subset(query), int(networks.encoder.config["image_size"]))
x, channel = normalize(torch.from_numpy(pixels)), training_channel(Rician(), "cpu")

figure, axes = plt.subplots(len(TASKS), len(SNRS_DB), figsize=(7, 7))
for column, snr_db in zip(axes.T, SNRS_DB, strict=True):
    heat = heat_maps(encoder, link, x, snr_db, spec.slot(snr_db).features, channel)
    for axis, task, of_task in zip(column, TASKS, heat, strict=True):
        axis.imshow(pixels[0])
        axis.imshow(of_task[0].numpy(), cmap="jet", alpha=0.45, vmin=0, vmax=1)
        axis.set_title(f"{task}, {snr_db:g} dB", fontsize=8)
        axis.set_axis_off()
figure.savefig("semharq_fig4.png", dpi=130)
