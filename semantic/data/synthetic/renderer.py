"""Off-screen OpenGL renderer of shots."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from semantic.data.synthetic import shaders
from semantic.data.synthetic.body import vehicle_vertices
from semantic.data.synthetic.livery import shape_atlas
from semantic.data.synthetic.photograph import photograph, shrunk_mask, smeared
from semantic.data.synthetic.scene import Camera, Shot
from semantic.data.synthetic.street_shader import STREET_FRAGMENT
from semantic.data.synthetic.surroundings import occluder_triangles, road_half_m, street_vertices
from semantic.data.synthetic.uniforms import (
    SHADOW_UNIT,
    SHAPES_UNIT,
    light_uniforms,
    set_uniforms,
    vehicle_uniforms,
)
from semantic.data.synthetic.vehicle import Vehicle
from semantic.data.synthetic.vehicle_shader import VEHICLE_FRAGMENT
from semantic.data.synthetic.view import View, placed, view_of

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

FRAME_PX = 192
_SHADOW_PX = 256
_KEPT_VEHICLES = 48
_VEHICLE_LAYOUT = ("3f 3f 2f 1f", "in_position", "in_normal", "in_uv", "in_material")
_STREET_LAYOUT = ("3f 3f 8x 1f", "in_position", "in_normal", "in_material")
_SHADOW_LAYOUT = ("3f 24x", "in_position")
_FRONT_LAYOUT = ("2f 3f", "in_position", "in_rgb")


class _Loaded(NamedTuple):
    """A vehicle's mesh and its OpenGL objects.

    Attributes:
        vertices: Vertices of the mesh.
        buffer: OpenGL buffer of the vertices.
        seen: Vertex array of the visible pass.
        dark: Vertex array of the shadow pass.
    """

    vertices: NDArray[np.float32]
    buffer: Any
    seen: Any
    dark: Any


_Drawn = list[tuple[Vehicle, NDArray[np.float64]]]  # vehicles and their model matrices


def create_context() -> Any:
    """Opens an off-screen OpenGL context.

    Raises:
        RuntimeError: moderngl or EGL is missing; the message names the packages to install.
    """
    try:
        import moderngl
    except ImportError as error:
        raise RuntimeError("rendering needs moderngl: pip install 'semharq-sim[render]'") from error
    create: Any = moderngl.create_context
    try:
        return create(standalone=True, backend="egl", require=330)
    except Exception as error:  # whatever the loader or the driver raises
        raise RuntimeError(
            f"rendering needs EGL with OpenGL 3.3 ({error}): apt-get install libegl1 libgl1-mesa-dri"
        ) from error


class Renderer:
    """Renders shots one by one, with a cache of the meshes of cameras and recent vehicles."""

    def __init__(self) -> None:
        self.gl = gl = create_context()
        self._vehicle = gl.program(shaders.VERTEX, fragment_shader=VEHICLE_FRAGMENT)
        self._street = gl.program(shaders.VERTEX, fragment_shader=STREET_FRAGMENT)
        self._dark = gl.program(shaders.SHADOW_VERTEX, fragment_shader=shaders.SHADOW_FRAGMENT)
        self._front = gl.program(shaders.FRONT_VERTEX, fragment_shader=shaders.FRONT_FRAGMENT)
        size = (FRAME_PX, FRAME_PX)
        self._target = gl.framebuffer([gl.texture(size, 4)], gl.depth_renderbuffer(size))
        self._shadow = gl.depth_texture((_SHADOW_PX, _SHADOW_PX))
        self._shadow.compare_func = "<="
        self._shadow_target = gl.framebuffer(depth_attachment=self._shadow)
        atlas = shape_atlas()
        self._shapes = gl.texture(atlas.shape[::-1], 1, atlas.tobytes())
        self._shapes.filter = (gl.NEAREST, gl.NEAREST)
        self._vehicles: OrderedDict[Vehicle, _Loaded] = OrderedDict()
        self._streets: dict[Camera, Any] = {}

    def frame(self, shot: Shot) -> tuple[Image, View]:
        """Renders a shot; returns RGB with the vehicle's mask, (192, 192, 4), and the view."""
        view = view_of(shot, self._load(shot.vehicle).vertices)
        others = [(n.vehicle, placed(n.x_m, n.y_m, n.yaw_rad)) for n in shot.neighbors]
        drawn = [(shot.vehicle, view.model), *others]
        self._draw_shadows(drawn, view)
        light = light_uniforms(shot, view)
        self._target.use()
        sky = 1 - np.exp(-1.25 * np.array(shot.light.horizon) * light["u_gain"])
        self._target.clear(*(sky ** (1 / 2.2)), 0.0)
        self._shadow.use(SHADOW_UNIT)
        self._shapes.use(SHAPES_UNIT)
        # The vehicles first: street fragments behind them are then not shaded.
        self._draw_vehicles(drawn, light)
        self._draw_street(shot.camera, drawn, light)
        if shot.occluder_seed >= 0:
            self._draw_front(shot.occluder_seed, light)
        pixels = np.frombuffer(self._target.read(components=4), np.uint8)
        return pixels.reshape(FRAME_PX, FRAME_PX, 4)[::-1], view

    def _load(self, vehicle: Vehicle) -> _Loaded:
        if vehicle not in self._vehicles:
            vertices = vehicle_vertices(vehicle)
            buffer = self.gl.buffer(vertices.tobytes())
            seen = self.gl.vertex_array(self._vehicle, [(buffer, *_VEHICLE_LAYOUT)])
            dark = self.gl.vertex_array(self._dark, [(buffer, *_SHADOW_LAYOUT)])
            self._vehicles[vehicle] = _Loaded(vertices, buffer, seen, dark)
            if len(self._vehicles) > _KEPT_VEHICLES:
                _, oldest = self._vehicles.popitem(last=False)
                for part in (oldest.seen, oldest.dark, oldest.buffer):
                    part.release()
        self._vehicles.move_to_end(vehicle)
        return self._vehicles[vehicle]

    def _draw_shadows(self, drawn: _Drawn, view: View) -> None:
        self._shadow_target.use()
        self._shadow_target.clear(depth=1.0)
        self.gl.enable(self.gl.DEPTH_TEST)
        for vehicle, model in drawn:
            place = {"u_model": model, "u_light_projection": view.light_projection}
            set_uniforms(self._dark, place)
            self._load(vehicle).dark.render()

    def _draw_vehicles(self, drawn: _Drawn, light: dict[str, Any]) -> None:
        for i, (vehicle, model) in enumerate(drawn):
            place = {"u_model": model, "u_turn": model[:3, :3].T, "u_mask": float(i == 0)}
            set_uniforms(self._vehicle, light | place | vehicle_uniforms(vehicle))
            self._load(vehicle).seen.render()

    def _draw_street(self, camera: Camera, drawn: _Drawn, light: dict[str, Any]) -> None:
        if camera not in self._streets:
            buffer = self.gl.buffer(street_vertices(camera).tobytes())
            self._streets[camera] = self.gl.vertex_array(self._street, [(buffer, *_STREET_LAYOUT)])
        footprints, bodies = np.zeros((3, 4)), np.zeros((3, 4))
        for i, (vehicle, model) in enumerate(drawn):
            p = vehicle.proportions
            footprints[i] = (model[0, 3], model[1, 3], p.length_m / 2, p.width_m / 2)
            bodies[i] = (*vehicle.model.paint, p.height_m)
        place = {
            "u_model": np.eye(4),
            "u_ground": (*camera.ground[:3], road_half_m(camera)),
            "u_footprints": footprints,
            "u_bodies": bodies,
        }
        set_uniforms(self._street, light | place)
        self._streets[camera].render()

    def _draw_front(self, seed: int, light: dict[str, Any]) -> None:
        buffer = self.gl.buffer(occluder_triangles(seed).tobytes())
        array = self.gl.vertex_array(self._front, [(buffer, *_FRONT_LAYOUT)])
        set_uniforms(self._front, light)
        self.gl.disable(self.gl.DEPTH_TEST)
        array.render()
        array.release()
        buffer.release()


@overload
def render(shots: Iterable[Shot], mask: Literal[False] = False) -> Iterator[Image]: ...
@overload
def render(shots: Iterable[Shot], mask: Literal[True]) -> Iterator[tuple[Image, Mask]]: ...
def render(shots: Iterable[Shot], mask: bool = False) -> Iterator[Image | tuple[Image, Mask]]:
    """Renders shots, lazily and in order.

    Args:
        shots: Shots to render; consecutive shots of a vehicle reuse its mesh.
        mask: Whether to return the mask of the visible part of the vehicle as well.

    Yields:
        Images (128, 128, 3), or pairs of an image and a mask (128, 128).

    Raises:
        RuntimeError: moderngl or EGL is missing.
    """
    renderer = Renderer()
    try:
        for shot in shots:
            frame, view = renderer.frame(shot)
            frame = smeared(frame, shot, view.blur_direction)
            image = photograph(frame, shot)
            yield (image, shrunk_mask(frame[..., 3])) if mask else image
    finally:
        renderer.gl.release()  # otherwise each call would keep 20 MB
