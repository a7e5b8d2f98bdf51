"""GLSL 3.3 source of the vehicles: paint, marks, lamps, wheels, plates and glass.

Small details of a body (lamps, seams, marks) are not part of the mesh: the shader draws them.
"""

from semantic.data.synthetic.shaders import LIGHTING

VEHICLE_FRAGMENT = (
    LIGHTING
    + """
uniform float u_mask;
uniform vec4 u_size;      // length, width, clearance, belt height
uniform vec4 u_shape;     // x of the windscreen's foot, height of the nose, -, cladding
uniform vec3 u_axles; uniform float u_wheel;
uniform vec3 u_paint, u_roof, u_trim, u_bumper, u_glass, u_rim, u_load, u_plate, u_glyph;
uniform vec4 u_lamp_front, u_lamp_rear;   // height, low edge (fractions of the body), style
uniform vec4 u_rim_style;                 // spokes, style
uniform float u_dirt; uniform float u_plate_seed;
// The shapes side by side: 0 outside, 0.5 first color, 1 second color.
uniform sampler2D u_shapes;
uniform int u_marks; uniform vec4 u_mark_place[12]; uniform vec4 u_mark_look[12];
uniform vec3 u_mark_rgb[12]; uniform vec3 u_mark_rgb2[12];
uniform int u_stripes; uniform vec4 u_stripe[3]; uniform vec3 u_stripe_rgb[3];

struct Surface { vec3 rgb; float gloss; float glow; };

vec3 striped(vec3 base, vec3 p, bool side, bool top) {
    for (int i = 0; i < u_stripes; i++) {
        int where = int(u_stripe[i].x + 0.5); float c = u_stripe[i].y, h = u_stripe[i].z;
        if (where == 0 && top && abs(abs(p.y) - c) < h) base = u_stripe_rgb[i];
        if (where == 1 && !top && p.z < u_size.w && abs(p.z - c) < h) base = u_stripe_rgb[i];
        if (where == 2 && side && abs(p.x - c - 0.55 * (p.z - 0.6)) < h) base = u_stripe_rgb[i];
    }
    return base;
}
vec3 decorated(vec3 base, vec3 p, vec3 n) {
    bool side = abs(n.y) > 0.6;
    base = striped(base, p, side, n.z > 0.6);
    for (int i = 0; i < u_marks; i++) {
        int face = int(u_mark_look[i].x + 0.5); vec2 at;
        if (face == 0 || face == 4 || face == 5) {
            if (!side || (face == 4 && n.y < 0.0) || (face == 5 && n.y > 0.0)) continue;
            at = p.xz;
        } else if (face == 1) {
            if (n.z < 0.5) continue;
            at = p.xy;
        } else {
            if ((face == 2 ? n.x : -n.x) < 0.45 || abs(p.x) < 0.3 * u_size.x) continue;
            at = p.yz;
        }
        vec2 q = at - u_mark_place[i].xy;
        if (face == 1) q = vec2(q.y, -q.x);
        float t = u_mark_look[i].z, s = sin(t), c = cos(t);
        q = 0.5 + 0.5 * vec2(c * q.x + s * q.y, -s * q.x + c * q.y) / u_mark_place[i].zw;
        if (any(lessThan(q, vec2(0.01))) || any(greaterThan(q, vec2(0.99)))) continue;
        vec2 cell = vec2((q.x + u_mark_look[i].y) / 12.0, q.y);
        float part = textureLod(u_shapes, cell, 0.0).r;
        if (part > 0.25) base = part < 0.75 ? u_mark_rgb[i] : u_mark_rgb2[i];
    }
    return base;
}
// Bumpers, sills and the grille; `height` is 0 at the floor and 1 at the belt.
void add_trim(inout Surface s, vec3 p, vec3 n, float height, float arch) {
    float end = 0.5 * u_size.x - 0.3;
    if (u_shape.w > 0.5 && p.z < u_size.w
        && (height < 0.16 || (arch < 1.32 * u_wheel && abs(n.y) > 0.5))) {
        s.rgb = u_trim; s.gloss = 0.3;
    }
    if (abs(p.x) > end && height < 0.30 && height > 0.0) s.rgb = u_bumper;
    if (height < 0.05) { s.rgb = u_trim; s.gloss = 0.2; }
    if (n.x > 0.6 && p.x > end && abs(p.y) < 0.27 * u_size.y
        && height > 0.36 && p.z < u_shape.y - 0.14) {
        s.rgb = vec3(0.012); s.gloss = 0.3;
    }
}
void add_lamps(inout Surface s, vec3 p, vec3 n, float height) {
    float half_x = 0.5 * u_size.x, low = u_lamp_front.y;
    float f = (p.z - u_size.z) / (u_shape.y - u_size.z);
    float inner = mix(0.27, 0.34, u_lamp_front.z) * u_size.y;
    if (p.x > half_x - 0.42 && n.x > 0.08 && n.z < 0.8
        && f > low && f < low + u_lamp_front.x * 1.25 && abs(p.y) > inner) {
        s.rgb = vec3(0.75, 0.77, 0.80); s.gloss = 2.0; s.glow = 1.0;
    }
    low = u_lamp_rear.y;
    bool corner = abs(p.y) > (0.32 + 0.08 * u_lamp_rear.z) * u_size.y;
    bool bar = u_lamp_rear.z > 0.72 && height < low + 0.09;
    if (p.x < -half_x + 0.14 && n.z < 0.8
        && height > low && height < min(low + u_lamp_rear.x, 0.95) && (corner || bar)) {
        s.rgb = vec3(0.42, 0.012, 0.012); s.gloss = 1.5; s.glow = -1.0;
    }
}
Surface painted(vec3 p, vec3 n) {
    float height = (p.z - u_size.z) / (u_size.w - u_size.z);
    Surface s = Surface(decorated(u_paint, p, n), 1.0, 0.0);
    float arch = 9.0;
    for (int i = 0; i < 3; i++) arch = min(arch, length(p.xz - vec2(u_axles[i], u_wheel)));
    add_trim(s, p, n, height, arch);
    add_lamps(s, p, n, height);
    if (abs(n.y) > 0.7 && height > 0.12 && height < 1.0) {  // seams of the doors
        float x = p.x - u_shape.x;
        if (min(abs(x + 0.25), min(abs(x + 1.30), abs(x + 2.25))) < 0.016) s.rgb *= 0.35;
    }
    if (arch < 1.10 * u_wheel && abs(p.y) > 0.25 * u_size.y) {
        s.rgb = vec3(0.004); s.gloss = 0.0;
    }
    float dirty = u_dirt * smoothstep(0.5, 0.0, height - 0.4 * noise(p.xz * 3.0 + p.y));
    s.rgb = mix(s.rgb, vec3(0.16, 0.13, 0.10), dirty); s.gloss *= 1.0 - 0.8 * dirty;
    return s;
}
Surface wheel_face() {
    float r = length(v_uv), a = atan(v_uv.y, v_uv.x) / 6.2831853;
    if (r > 1.0) discard;
    if (r > 0.70) return Surface(vec3(0.014), 0.1, 0.0);
    float spoke = abs(fract(a * u_rim_style.x) - 0.5) * 2.0, style = u_rim_style.y;
    bool metal = style < 0.5 ? spoke < 0.42
        : style < 1.5 ? spoke < 0.62 - 0.5 * r : spoke > 0.35 || r < 0.35;
    return metal || r > 0.60 || r < 0.14 ? Surface(u_rim, 0.8, 0.0)
        : Surface(vec3(0.01), 0.1, 0.0);
}
// Five random patterns of dots: no text.
Surface number_plate() {
    if (max(abs(v_uv.x) , abs(v_uv.y)) > 0.95) return Surface(vec3(0.5), 0.5, 0.0);
    vec2 cell = vec2((v_uv.x * 0.5 + 0.5) * 5.0, v_uv.y * 0.6 + 0.5);
    vec2 place = floor(fract(cell) * vec2(3.99, 4.0));
    bool inside = place.x < 3.0 && cell.y > 0.0 && cell.y < 1.0;
    bool on = hash(vec2(floor(cell.x) * 7.0 + place.x, place.y + u_plate_seed)) > 0.42;
    return Surface(inside && on ? u_glyph : u_plate, 0.5, 0.0);
}
Surface surface() {
    if (v_material == 1) return Surface(u_glass, 3.0, 0.0);
    if (v_material == 2) return Surface(vec3(0.012), 0.05, 0.0);
    if (v_material == 3) return wheel_face();
    if (v_material == 4) {
        return Surface(decorated(u_roof, v_local, v_local_normal), 1.0, 0.0);
    }
    if (v_material == 5) return number_plate();
    if (v_material == 6) return Surface(u_trim, 0.3, 0.0);
    if (v_material == 7) return Surface(u_load, 0.7, 0.0);
    if (v_material == 8) return Surface(vec3(0.35), 0.8, 0.0);
    if (v_material == 9) {
        vec3 rgb = fract(v_local.y * 3.0) < 0.75 ? vec3(0.75, 0.42, 0.05) : vec3(0.02);
        return Surface(rgb, 1.0, 0.6);
    }
    return painted(v_local, v_local_normal);
}
void main() {
    Surface s = surface();
    vec3 n = normalize(v_normal), view = normalize(u_eye - v_world);
    if (dot(n, view) < 0.0) n = -n;
    float lit = sunlit(0.006), near_ground = mix(0.45, 1.0, smoothstep(0.0, 0.9, v_world.z));
    vec3 c = s.rgb * diffuse(n, lit) * near_ground;
    vec3 mirrored = reflect(-view, n);
    float fresnel = 0.035 + 0.65 * pow(1.0 - max(dot(n, view), 0.0), 5.0);
    if (s.gloss > 2.5) fresnel = 0.06 + 0.80 * pow(1.0 - max(dot(n, view), 0.0), 4.0);
    c += min(s.gloss, 1.2) * fresnel * environment(mirrored) * near_ground;
    float glint = pow(max(dot(mirrored, u_sun_direction), 0.0), 90.0);
    c += 0.5 * min(s.gloss, 1.0) * u_sun * lit * glint;
    if (s.glow > 0.0) c += s.glow * u_lamps * vec3(0.9, 0.85, 0.7);
    if (s.glow < 0.0) c += u_lamps * vec3(0.7, 0.02, 0.02);
    f_color = finish(c, u_mask);
}
"""
)
