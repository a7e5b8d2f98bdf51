"""GLSL 3.3 source of the vehicles: paint, marks, lamps, wheels, plates and glass.

Small details of a body (lamps, seams, marks) are not part of the mesh: the shader draws them.
"""

from semantic.data.synthetic.shaders import LIGHTING

VEHICLE_FRAGMENT = (
    LIGHTING
    + """
uniform float u_mask; uniform mat3 u_turn;
uniform vec4 u_size;      // length, width, clearance, belt height
uniform vec4 u_shape;     // x of the windscreen's foot, heights of nose and roof, cladding
uniform vec4 u_span;      // x of rear and front of the side windows at the belt, then at the roof
uniform vec4 u_style;     // chrome, black pillars, molding, height of the second tone
uniform vec4 u_crease;    // strength and height of the creases along the doors
uniform vec4 u_grille;    // style, width, upper gap, fog lamps
uniform vec3 u_rear_glass, u_mirror, u_chrome, u_dirt_rgb; uniform float u_sunroof;
uniform vec3 u_axles; uniform float u_wheel;
uniform vec3 u_paint, u_roof, u_trim, u_bumper, u_glass, u_rim, u_load, u_plate, u_glyph;
uniform vec4 u_lamp_front, u_lamp_rear;   // height, low edge (fractions of the body), style
uniform vec4 u_rim_style;                 // spokes, style
uniform vec4 u_dirt;       // amount, reach
uniform float u_plate_seed;
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
// Bumpers, sills and cladding; `height` is 0 at the floor and 1 at the belt.
void add_trim(inout Surface s, vec3 p, vec3 n, float height, float arch) {
    float end = 0.5 * u_size.x - 0.3;
    bool door = abs(n.y) > 0.6;
    if (height < u_style.w) { s.rgb = u_trim * 3.0; }
    if (u_shape.w > 0.5 && p.z < u_size.w
        && (height < 0.16 || (arch < 1.32 * u_wheel && abs(n.y) > 0.5))) {
        s.rgb = u_trim; s.gloss = 0.3;
    }
    if (abs(p.x) > end && height < 0.34 && height > 0.0) {
        s.rgb = u_bumper; if (u_bumper != u_paint) s.gloss = 0.4;
        if (abs(height - 0.33) < 0.014) s.rgb *= 0.4;
    }
    if (u_style.z > 0.5 && door && abs(height - 0.42) < 0.045 && abs(p.x) < 0.36 * u_size.x) {
        s.rgb = u_chrome; s.gloss = 0.5;
    }
    if (u_style.x > 0.5 && abs(n.y) > 0.4 && abs(p.z - u_size.w + 0.02) < 0.022
        && p.x > u_span.x - 0.1 && p.x < u_span.y + 0.1) { s.rgb = u_chrome; s.gloss = 1.5; }
    if (height < 0.06) { s.rgb = u_trim; s.gloss = 0.2; }
}
// Grille, air intake and fog lamps at the front; intake, chrome strip and exhaust at the rear.
void add_ends(inout Surface s, vec3 p, vec3 n, float height) {
    float end = 0.5 * u_size.x - 0.45, wide = abs(p.y) / u_size.y;
    if (n.x > 0.4 && p.x > end) {
        float top = u_shape.y - u_grille.z, low = u_size.z + 0.38 * (u_size.w - u_size.z);
        float half_wide = 0.24 * u_grille.y;
        if (u_grille.x < 2.5 && wide < half_wide && p.z > low && p.z < top) {
            float line = u_grille.x < 0.5 ? fract(p.z * 16.0)
                : u_grille.x < 1.5 ? max(fract(p.z * 22.0), fract(p.y * 18.0)) : fract(p.y * 14.0);
            s.rgb = line > 0.72 ? u_chrome * 0.6 : vec3(0.010); s.gloss = 0.4;
            if (wide > half_wide - 0.012 || p.z > top - 0.03) { s.rgb = u_chrome; s.gloss = 1.0; }
        }
        if (wide < 0.30 && height > 0.08 && height < 0.20) { s.rgb = vec3(0.012); s.gloss = 0.2; }
        vec2 fog = vec2((wide - 0.38) * u_size.y, (height - 0.17) * (u_size.w - u_size.z));
        if (u_grille.w > 0.5 && length(fog) < 0.10) {
            s.rgb = length(fog) < 0.07 ? vec3(0.6) : vec3(0.02); s.gloss = 1.0;
        }
    }
    if (n.x < -0.4 && p.x < -end) {
        if (wide < 0.36 && height < 0.13) { s.rgb = vec3(0.015); s.gloss = 0.2; }
        if (u_style.x > 0.5 && wide < 0.26 && abs(height - 0.50) < 0.022) {
            s.rgb = u_chrome; s.gloss = 1.2;
        }
        if (abs(height - 0.36) < 0.012) s.rgb *= 0.4;
    }
}
void add_lamps(inout Surface s, vec3 p, vec3 n, float height) {
    float half_x = 0.5 * u_size.x, low = u_lamp_front.y;
    float f = (p.z - u_size.z) / (u_shape.y - u_size.z);
    float inner = mix(0.25, 0.36, u_lamp_front.z) * u_size.y;
    float slant = (abs(p.y) - inner) * mix(-0.25, 0.45, fract(7.0 * u_lamp_front.z));
    float within = (f - low - slant) / (u_lamp_front.x * 1.25);
    if (p.x > half_x - 0.55 && n.x > 0.08 && n.z < 0.9
        && within > 0.0 && within < 1.0 && abs(p.y) > inner) {
        float bulb = length(vec2((abs(p.y) - inner - 0.14) * 6.0, (within - 0.5) * 1.6));
        s.rgb = mix(vec3(0.75, 0.77, 0.80), vec3(0.16, 0.17, 0.18), smoothstep(0.3, 0.9, bulb));
        s.gloss = 2.0; s.glow = 1.6 * smoothstep(0.9, 0.2, bulb) + 0.15;
    }
    low = u_lamp_rear.y;
    float from_edge = 0.5 * u_size.y - abs(p.y);
    bool corner = from_edge < (0.18 - 0.08 * u_lamp_rear.z) * u_size.y;
    bool bar = u_lamp_rear.z > 0.72 && height < low + 0.07;
    float top = min(low + u_lamp_rear.x, 0.97);
    if (p.x < -half_x + 0.24 && n.z < 0.9 && height > low && height < top && (corner || bar)) {
        float part = (height - low) / (top - low);
        s.rgb = vec3(0.33, 0.010, 0.012) * (0.6 + 0.8 * step(0.5, fract(part * 3.0)));
        if (corner && abs(part - 0.45) < 0.13 && from_edge > 0.09) s.rgb = vec3(0.5);
        s.gloss = 1.5; s.glow = -1.0;
    }
}
// Seams of doors, hood and trunk, and door handles.
void add_seams(inout Surface s, vec3 p, vec3 n, float height) {
    float x = p.x - u_shape.x;
    if (abs(n.y) > 0.7 && height > 0.12 && height < 1.0) {
        if (min(abs(x + 0.25), min(abs(x + 1.30), abs(x + 2.25))) < 0.013) s.rgb *= 0.4;
        if (abs(height - 0.78) < 0.03 && min(abs(x + 1.16), abs(x + 2.12)) < 0.09) {
            s.rgb = u_style.x > 0.5 ? u_chrome : s.rgb * 0.6;
        }
    }
    if (n.z > 0.6 && p.z > 0.6 * u_size.w) {
        if (abs(x) < 0.02 || abs(abs(p.y) - 0.40 * u_size.y) < 0.012) s.rgb *= 0.5;
    }
}
Surface painted(vec3 p, inout vec3 n) {
    float height = (p.z - u_size.z) / (u_size.w - u_size.z);
    Surface s = Surface(decorated(u_paint, p, n), 1.0, 0.0);
    float arch = 9.0;
    for (int i = 0; i < 3; i++) arch = min(arch, length(p.xz - vec2(u_axles[i], u_wheel)));
    add_trim(s, p, n, height, arch);
    add_ends(s, p, n, height);
    add_seams(s, p, n, height);
    add_lamps(s, p, n, height);
    if (abs(n.y) > 0.5) {  // creases along the doors, and the lip of the wheel arches
        float fold = smoothstep(0.05, 0.0, abs(height - u_crease.y - 0.03))
            - smoothstep(0.07, 0.0, abs(height - u_crease.y + 0.05))
            - 0.7 * smoothstep(0.08, 0.0, abs(height - 0.28));
        n.z += 0.45 * u_crease.x * fold;
        if (abs(arch - 1.16 * u_wheel) < 0.03) n.z += 0.4;
        n = normalize(n);
    }
    if (arch < 1.10 * u_wheel && abs(p.y) > 0.25 * u_size.y) {
        s.rgb = vec3(0.004); s.gloss = 0.0;
    }
    s.rgb *= mix(0.55, 1.0, smoothstep(1.06, 1.35, arch / u_wheel));
    return s;
}
// The cabin: roof, pillars and sunroof.
Surface cabin(vec3 p, vec3 n) {
    Surface s = Surface(decorated(u_roof, p, n), 1.0, 0.0);
    float t = (p.z - u_size.w) / (u_shape.z - u_size.w);
    float rear = mix(u_span.x, u_span.z, t), front = mix(u_span.y, u_span.w, t);
    if (u_style.y > 0.5 && abs(n.y) > 0.6 && t > 0.04 && t < 0.90
        && p.x > rear - 0.02 && p.x < front + 0.03) { s.rgb = vec3(0.012); s.gloss = 0.8; }
    float middle = u_span.w - 0.35 - 0.5 * u_sunroof;
    if (u_sunroof > 0.0 && n.z > 0.7 && abs(p.x - middle) < 0.5 * u_sunroof
        && abs(p.y) < 0.26 * u_size.y) { s.rgb = vec3(0.010); s.gloss = 3.0; }
    return s;
}
// A pane: the bright far windows above, dark seats below.
Surface pane(vec3 tint) {
    float seat = smoothstep(0.30, 0.22, abs(fract(v_local.x * 0.95 + v_local.y * 0.7) - 0.5));
    float inside = mix(0.35, 1.5, smoothstep(-0.5, 0.5, v_uv.y)) * (1.0 - 0.6 * seat * step(v_uv.y, 0.25));
    float rim = max(abs(v_uv.x), abs(v_uv.y)) > 0.965 ? 0.2 : 1.0;
    return Surface(tint * inside * rim, 3.0, 0.0);
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
Surface surface(inout vec3 n) {
    if (v_material == 1) return pane(u_glass);
    if (v_material == 11) return pane(u_rear_glass);
    if (v_material == 2) return Surface(vec3(0.012), 0.05, 0.0);
    if (v_material == 3) return wheel_face();
    if (v_material == 4) return cabin(v_local, v_local_normal);
    if (v_material == 5) return number_plate();
    if (v_material == 6) return Surface(u_trim, 0.3, 0.0);
    if (v_material == 7) return Surface(u_load, 0.7, 0.0);
    if (v_material == 8) return Surface(vec3(0.35), 0.8, 0.0);
    if (v_material == 10) return Surface(u_mirror, 0.8, 0.0);
    if (v_material == 9) {
        vec3 rgb = fract(v_local.y * 3.0) < 0.75 ? vec3(0.75, 0.42, 0.05) : vec3(0.02);
        return Surface(rgb, 1.0, 0.6);
    }
    return painted(v_local, n);
}
void add_dirt(inout Surface s) {
    float height = (v_local.z - u_size.z) / (u_size.w - u_size.z);
    float spots = noise(v_local.xz * 3.0 + v_local.y) * 0.6 + noise(v_local.xz * 17.0) * 0.4;
    float rear = smoothstep(-0.30, -0.5, v_local.x / u_size.x);
    float amount = u_dirt.x * smoothstep(u_dirt.y + 0.25 * rear, -0.1, height - 0.45 * spots);
    amount = max(amount, 0.25 * u_dirt.x * spots);
    if (s.gloss > 2.5) amount *= 0.35;
    s.rgb = mix(s.rgb, u_dirt_rgb, clamp(amount, 0.0, 0.85)); s.gloss *= 1.0 - 0.7 * amount;
}
void main() {
    vec3 local = normalize(v_local_normal);
    Surface s = surface(local);
    add_dirt(s);
    vec3 n = normalize(u_turn * local), view = normalize(u_eye - v_world);
    if (dot(n, view) < 0.0) n = -n;
    if (s.gloss > 2.5) {  // panes are slightly curved
        vec3 along = cross(n, vec3(0.0, 0.0, 1.0));
        n = normalize(n + 0.20 * v_uv.x * along + vec3(0.0, 0.0, 0.16 * v_uv.y));
    }
    float lit = sunlit(0.006), near_ground = mix(0.32, 1.0, smoothstep(0.0, 0.8, v_world.z - 0.2 * max(n.z, 0.0)));
    vec3 c = s.rgb * diffuse(n, lit) * near_ground;
    vec3 mirrored = reflect(-view, n);
    float fresnel = 0.04 + 0.70 * pow(1.0 - max(dot(n, view), 0.0), 5.0);
    if (s.gloss > 2.5) fresnel = 0.09 + 0.80 * pow(1.0 - max(dot(n, view), 0.0), 4.0);
    c += min(s.gloss, 1.2) * fresnel * environment(mirrored) * near_ground;
    float glint = pow(max(dot(mirrored, u_sun_direction), 0.0), 160.0);
    c += 1.6 * min(s.gloss, 1.0) * u_sun * lit * glint;
    if (s.glow > 0.0) c += s.glow * u_lamps * vec3(1.3, 1.2, 1.0);
    if (s.glow < 0.0) c += u_lamps * vec3(0.7, 0.02, 0.02);
    f_color = finish(c, u_mask);
}
"""
)
