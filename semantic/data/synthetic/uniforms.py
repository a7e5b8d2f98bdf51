"""Inputs of the shaders: the appearance of a vehicle and the light of a shot."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from semantic.data.synthetic.body import cabin_ends, wheel_centers, window_ends
from semantic.data.synthetic.livery import FACES, MAX_MARKS, MAX_STRIPES, SHAPES, WHERE
from semantic.data.synthetic.scene import Shot
from semantic.data.synthetic.vehicle import Vehicle
from semantic.data.synthetic.view import View

# Texture units.
SHADOW_UNIT, SHAPES_UNIT = 0, 1

_CHROME = (0.55, 0.56, 0.58)


def set_uniforms(program: Any, values: Mapping[str, Any]) -> None:
    """Sets the uniforms of a program; matrices are row-major, as in numpy."""
    for name, value in values.items():
        if name not in program:
            continue  # the compiler drops uniforms that a shader does not use
        if isinstance(value, int):
            program[name].value = value
        else:
            array = np.asarray(value, dtype=np.float32)
            # OpenGL reads matrices column by column.
            program[name].write((array.T if array.shape == (4, 4) else array).tobytes())


def light_uniforms(shot: Shot, view: View) -> dict[str, Any]:
    """Returns the uniforms of light, camera and exposure of a shot."""
    light = shot.light
    return {
        "u_view_projection": view.view_projection,
        "u_light_projection": view.light_projection,
        "u_eye": shot.camera.position,
        "u_sun_direction": view.sun_direction,
        "u_sun": light.sun,
        "u_sky": light.sky,
        "u_horizon": light.horizon,
        "u_gain": np.array(shot.response.white_balance) * shot.response.exposure,
        "u_softness": light.softness * 1.5,
        "u_lamps": float(light.lamps),
        "u_wet": light.wet,
        "u_trees": shot.camera.trees,
        "u_seed": shot.camera.place_seed % 1000 / 100,
        "u_shadow": SHADOW_UNIT,
        "u_shapes": SHAPES_UNIT,
    }


def vehicle_uniforms(vehicle: Vehicle) -> dict[str, Any]:
    """Returns the uniforms of a vehicle: its appearance apart from the mesh."""
    p, model = vehicle.proportions, vehicle.model
    axles = sorted({x for x, _ in wheel_centers(p, vehicle.type)})
    foot = p.length_m / 2 - p.hood_m
    return {
        "u_size": (p.length_m, p.width_m, p.clearance_m, p.belt_m),
        "u_shape": (foot, p.nose_m, p.height_m, float(model.cladding)),
        "u_axles": axles + axles[:1] * (3 - len(axles)),
        "u_wheel": p.wheel_radius_m,
        "u_glass": vehicle.glass,
        "u_rear_glass": vehicle.rear_glass,
        "u_rim": vehicle.rim,
        "u_rim_style": (vehicle.spokes, vehicle.rim_style, 0, 0),
        "u_load": vehicle.roof_load_rgb,
        "u_plate": vehicle.plate,
        "u_glyph": vehicle.plate_glyph,
        "u_plate_seed": vehicle.plate_seed,
        "u_dirt": (vehicle.dirt, vehicle.dirt_reach, 0.0, 0.0),
        "u_dirt_rgb": vehicle.dirt_rgb,
        "u_sunroof": vehicle.sunroof,
        **_model_uniforms(vehicle),
        **_livery_uniforms(vehicle),
    }


def _model_uniforms(vehicle: Vehicle) -> dict[str, Any]:
    model = vehicle.model
    rear_low, front_low, rear_high, front_high = cabin_ends(model.proportions)
    first, last = window_ends(vehicle)[0][0], window_ends(vehicle)[-1][1]
    return {
        "u_paint": model.paint,
        "u_roof": model.roof,
        "u_trim": model.trim,
        "u_bumper": model.bumper,
        "u_mirror": model.mirror,
        "u_chrome": _CHROME if model.chrome else model.trim,
        "u_style": (
            float(model.chrome),
            float(model.pillars),
            float(model.molding),
            model.two_tone,
        ),
        "u_crease": (model.crease, model.crease_at, 0.0, 0.0),
        "u_grille": (float(model.grille), *model.grille_size, float(model.fog_lamps)),
        "u_lamp_front": (*model.lamp_front, 0.0),
        "u_lamp_rear": (*model.lamp_rear, 0.0),
        "u_span": (
            rear_low + first * (front_low - rear_low),
            rear_low + last * (front_low - rear_low),
            rear_high + first * (front_high - rear_high),
            rear_high + last * (front_high - rear_high),
        ),
    }


def _livery_uniforms(vehicle: Vehicle) -> dict[str, Any]:
    place, look = np.zeros((MAX_MARKS, 4)), np.zeros((MAX_MARKS, 4))
    rgb, rgb2 = np.zeros((MAX_MARKS, 3)), np.zeros((MAX_MARKS, 3))
    marks = (*vehicle.damage, *vehicle.marks)[:MAX_MARKS]
    for i, mark in enumerate(marks):
        place[i] = (mark.u_m, mark.v_m, mark.half_u_m, mark.half_v_m)
        look[i] = (FACES.index(mark.face), SHAPES.index(mark.shape), mark.turn_rad, 0)
        rgb[i], rgb2[i] = mark.rgb, mark.rgb2
    stripe, stripe_rgb = np.zeros((MAX_STRIPES, 4)), np.zeros((MAX_STRIPES, 3))
    for i, band in enumerate(vehicle.stripes):
        stripe[i] = (WHERE.index(band.where), band.center_m, band.half_m, 0)
        stripe_rgb[i] = band.rgb
    return {
        "u_marks": len(marks),
        "u_mark_place": place,
        "u_mark_look": look,
        "u_mark_rgb": rgb,
        "u_mark_rgb2": rgb2,
        "u_stripes": len(vehicle.stripes),
        "u_stripe": stripe,
        "u_stripe_rgb": stripe_rgb,
    }
