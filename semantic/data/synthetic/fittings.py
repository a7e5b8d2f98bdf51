"""Parts that are mounted on the body: plates, mirrors, roof load, cargo box and load bed."""

from semantic.data.synthetic.mesh import LAMP, LOAD, METAL, MIRROR, PAINT, PLASTIC, PLATE, Mesh
from semantic.data.synthetic.proportions import Proportions
from semantic.data.synthetic.vehicle import Vehicle


def add_fittings(mesh: Mesh, vehicle: Vehicle) -> None:
    """Adds all parts that are mounted on the body."""
    _plates(mesh, vehicle)
    _roof_load(mesh, vehicle)
    _mirrors(mesh, vehicle)
    _spoiler(mesh, vehicle)
    if vehicle.type == "truck":
        _cargo_box(mesh, vehicle)
    if vehicle.type == "pickup":
        _bed(mesh, vehicle.proportions)


def body_end_m(p: Proportions, kind: str) -> float:
    """Returns x of the rear end of the lower body; a truck's cab ends behind the driver."""
    if kind == "truck":
        return p.length_m / 2 - p.hood_m - p.screen_run_m - p.cabin_m - 0.08
    return -p.length_m / 2


def _mirrors(mesh: Mesh, vehicle: Vehicle) -> None:
    p = vehicle.proportions
    large = vehicle.type in ("bus", "truck")
    foot = p.length_m / 2 - p.hood_m - (0.05 if large else 0.26)
    z0, z1 = (p.belt_m + 0.1, p.belt_m + 0.5) if large else (p.belt_m + 0.01, p.belt_m + 0.13)
    for side in (-1, 1):
        y = side * (p.width_m / 2 + 0.07)
        mesh.box((foot - 0.05, y - 0.08, z0), (foot + 0.05, y + 0.08, z1), MIRROR)


def _spoiler(mesh: Mesh, vehicle: Vehicle) -> None:
    if not vehicle.spoiler:
        return
    p = vehicle.proportions
    half = 0.36 * p.width_m
    if vehicle.type == "sedan":
        x, z = -p.length_m / 2 + 0.10, p.belt_m + 0.06
    else:
        x = p.length_m / 2 - p.hood_m - p.screen_run_m - p.cabin_m - 0.06
        z = p.height_m - 0.05
    mesh.box((x - 0.09, -half, z), (x + 0.09, half, z + 0.045), MIRROR)


def _plates(mesh: Mesh, vehicle: Vehicle) -> None:
    p = vehicle.proportions
    large = vehicle.type in ("bus", "truck")
    half_y, half_z = (0.45, 0.15) if large else (0.30, 0.10)
    for sign, x in ((1.0, p.length_m / 2 + 0.02), (-1.0, -p.length_m / 2 - 0.02)):
        z = p.clearance_m + (0.24 if sign > 0 else 0.28) * (p.belt_m - p.clearance_m)
        y0, y1, z0, z1 = -sign * half_y, sign * half_y, z - half_z, z + half_z
        mesh.quad([(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)], PLATE, (sign, 0, 0))


def _roof_load(mesh: Mesh, vehicle: Vehicle) -> None:
    p, load = vehicle.proportions, vehicle.roof_load
    front = p.length_m / 2 - p.hood_m - p.screen_run_m - 0.15
    rear = front - p.cabin_m + 0.3
    y, z = 0.5 * p.width_m * p.roof_width - 0.16, p.height_m
    if load in ("rails", "box"):
        for side in (-1, 1):
            mesh.box((rear, side * y - 0.025, z), (front, side * y + 0.025, z + 0.07), METAL)
    if load == "box":
        middle = 0.5 * (front + rear)
        half = min(0.95, 0.5 * (front - rear))
        mesh.box((middle - half, -0.38, z + 0.06), (middle + half, 0.38, z + 0.36), LOAD)
    if load == "lights" and vehicle.type in ("truck", "pickup"):
        mesh.box((front - 0.25, -0.55, z), (front - 0.05, 0.55, z + 0.13), LAMP)
    elif load == "lights":  # the sign of a taxi
        mesh.box((front - 0.42, -0.30, z), (front - 0.22, 0.30, z + 0.14), LOAD)
    if load == "cooler":
        mesh.box((-1.2, -0.75, z), (1.3, 0.75, z + 0.22), LOAD)
    if vehicle.spare_wheel:
        x = -p.length_m / 2 - 0.09
        mesh.box((x - 0.09, -0.62, p.belt_m - 0.42), (x + 0.09, 0.02, p.belt_m + 0.2), LOAD)


def _cargo_box(mesh: Mesh, vehicle: Vehicle) -> None:
    p = vehicle.proportions
    front, rear, half = body_end_m(p, "truck") - 0.12, -p.length_m / 2, p.width_m / 2
    y = 0.42 * p.width_m
    mesh.box((rear + 0.1, -y, 0.45), (p.length_m / 2 - 0.5, y, 0.85), PLASTIC)
    mesh.box((rear, -half, 0.9), (front, half, p.load_height_m), PAINT)
    mesh.box((rear + 0.02, -half + 0.1, 0.5), (rear + 0.12, half - 0.1, 0.9), PLASTIC)
    for z in (0.88, p.load_height_m - 0.11):
        mesh.box((rear - 0.015, -half - 0.015, z), (front + 0.015, half + 0.015, z + 0.07), METAL)


def _bed(mesh: Mesh, p: Proportions) -> None:
    front = p.length_m / 2 - p.hood_m - p.screen_run_m - p.cabin_m - p.rear_run_m
    rear, half, floor = -p.length_m / 2, p.width_m / 2, 0.55 * p.belt_m
    for side in (-1, 1):
        y0, y1 = sorted((side * (half - 0.09), side * (half - 0.01)))
        mesh.box((rear + 0.03, y0, floor), (front, y1, 1.02 * p.belt_m), PAINT)
    mesh.box((rear, -half + 0.02, floor), (rear + 0.08, half - 0.02, 1.0 * p.belt_m), PAINT)
    y, z = half - 0.1, 0.62 * p.belt_m + 0.03
    mesh.quad([(rear, -y, z), (front, -y, z), (front, y, z), (rear, y, z)], PLASTIC, (0, 0, 1))
