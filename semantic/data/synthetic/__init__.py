"""Procedural vehicles for re-identification: specifications, scenes, renderer and writer.

    sample_vehicles -> sample_shots -> render -> write_synthetic

A seed determines everything. Only `render` and `write_synthetic` need OpenGL (the extra `render`);
importing this package does not.
"""

from semantic.data.synthetic.cameras import sample_cameras
from semantic.data.synthetic.dataset import write_synthetic
from semantic.data.synthetic.renderer import render
from semantic.data.synthetic.scene import Camera, Light, Response, Shot
from semantic.data.synthetic.tracks import LabeledShot, sample_shots
from semantic.data.synthetic.vehicle import Vehicle, sample_vehicles

__all__ = [
    "Camera",
    "LabeledShot",
    "Light",
    "Response",
    "Shot",
    "Vehicle",
    "render",
    "sample_cameras",
    "sample_shots",
    "sample_vehicles",
    "write_synthetic",
]
