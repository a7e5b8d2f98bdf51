"""GLSL 3.3 source of the street: road, markings, verges, buildings and plants."""

from semantic.data.synthetic.shaders import LIGHTING

STREET_FRAGMENT = (
    LIGHTING
    + """
uniform vec4 u_ground;   // brightness of the asphalt, verge, marking, half width of the road
uniform vec4 u_footprints[3];  // x, y, half length, half width of the vehicles; 0 when none
uniform vec4 u_bodies[3];      // color and height of the vehicles

// Share of the sky that the vehicles leave open: dark below them, and a wide soft edge.
float contact(vec2 p) {
    float dark = 1.0;
    for (int i = 0; i < 3; i++) {
        if (u_footprints[i].z <= 0.0) continue;
        vec2 q = max(abs(p - u_footprints[i].xy) - u_footprints[i].zw + 0.22, 0.0);
        float d = length(q);
        dark *= 1.0 - 0.66 * exp(-5.0 * d) - 0.24 * exp(-1.3 * d);
    }
    return dark;
}
// The image of the vehicles, taken for boxes, and of the sky in a wet road.
vec3 mirrored(vec3 ray) {
    vec3 seen = environment(ray);
    for (int i = 0; i < 3; i++) {
        if (u_footprints[i].z <= 0.0) continue;
        vec2 rel = v_world.xy - u_footprints[i].xy;
        vec2 s = 1.0 / (ray.xy + vec2(1e-4));
        vec2 near = -rel * s - abs(s) * u_footprints[i].zw, far = -rel * s + abs(s) * u_footprints[i].zw;
        float enter = max(near.x, near.y), leave = min(far.x, far.y), z = max(enter, 0.0) * ray.z;
        if (enter > leave || leave < 0.0 || z > u_bodies[i].w) continue;
        vec3 body = z > 0.62 * u_bodies[i].w ? vec3(0.03) : u_bodies[i].rgb;
        seen = body * (u_sky + 0.3 * u_sun) * 0.7;
    }
    return seen;
}
vec3 road(vec2 p, float half_road) {
    float grain = noise(p * 24.0) * 0.35 + noise(p * 7.0) * 0.3 + noise(p * 0.9 + u_seed) * 0.35;
    vec3 c = vec3(u_ground.x) * (0.72 + 0.5 * grain) * vec3(1.02, 1.0, 0.97);
    float stain = smoothstep(0.62, 0.75, noise(p * 0.35 + 3.0 * u_seed));
    float rut = smoothstep(0.8, 0.2, abs(abs(abs(p.y) - 1.75) - 0.75));
    c *= 1.0 - 0.25 * stain - 0.14 * rut;
    float crack = abs(noise(p * 0.8 + 5.0 * u_seed) - 0.5) + 0.04 * noise(p * 11.0);
    if (crack < 0.028) c *= 0.62;
    vec2 slab = floor(p * vec2(0.22, 0.55) + u_seed);
    if (hash(slab) > 0.86) c *= 0.74;  // patches of newer asphalt
    vec3 line = u_ground.z > 0.75 ? vec3(0.62, 0.45, 0.08) : vec3(0.66);
    float worn = 0.55 + 0.45 * noise(p * 6.0);
    bool center = u_ground.z < 0.3 ? abs(abs(p.y) - 0.14) < 0.06
        : abs(p.y) < 0.08 && fract(p.x / 6.0 + u_seed) < 0.5;
    bool lane = half_road > 5.0 && abs(abs(p.y) - 3.5) < 0.07
        && fract(p.x / 5.0 + u_seed) < 0.45;
    bool edge = abs(abs(p.y) - half_road + 0.35) < 0.07;
    if (center || lane || edge) c = mix(c, line, worn);
    float zebra = fract(u_seed * 7.3);
    if (zebra < 0.35 && abs(p.x - 30.0 * zebra + 9.0) < 1.6 && fract(p.y / 1.0 + 0.3) < 0.5) {
        c = mix(c, vec3(0.66), worn);
    }
    return c;
}
vec3 verge(vec2 p, float beyond) {
    if (beyond < 2.6 && u_ground.y < 0.8) {
        vec2 joint = abs(fract(p * 1.8) - 0.5);
        float tone = (0.8 + 0.35 * hash(floor(p * 1.8)));
        return vec3(0.34, 0.32, 0.30) * tone * (max(joint.x, joint.y) > 0.46 ? 0.7 : 1.0);
    }
    float g = noise(p * 2.5) * 0.6 + noise(p * 11.0) * 0.4;
    if (u_ground.y < 0.35) return mix(vec3(0.28, 0.26, 0.23), vec3(0.34, 0.30, 0.25), g);
    return mix(vec3(0.05, 0.10, 0.03), vec3(0.14, 0.20, 0.06), g);
}
vec3 facade() {
    vec2 q = abs(v_normal.x) > 0.5 ? v_world.yz : v_world.xz;
    if (abs(v_normal.z) > 0.5) return vec3(0.2);
    float house = hash(vec2(floor(u_seed * 91.0), floor(dot(v_world.xy, vec2(0.06)))));
    vec2 cell = fract(q / vec2(2.2, 3.0)), which = floor(q / vec2(2.2, 3.0));
    vec3 wall = mix(vec3(0.42, 0.30, 0.22), vec3(0.50, 0.49, 0.46), house);
    wall = mix(wall, vec3(0.30, 0.33, 0.36), step(0.7, fract(house * 7.0)));
    wall *= (0.8 + 0.25 * noise(q * 0.7) + 0.08 * noise(q * 9.0)) * (fract(q.y / 3.0) < 0.06 ? 0.75 : 1.0);
    bool shop = q.y < 3.0;
    bool glass = shop ? cell.x > 0.06 && cell.y > 0.1 && cell.y < 0.82
        : cell.x > 0.25 && cell.x < 0.8 && cell.y > 0.3 && cell.y < 0.85;
    if (shop && cell.y >= 0.82) return 0.45 * vec3(hash(which), hash(which + 3.0), hash(which + 7.0)) + 0.05;
    if (!glass) return wall;
    vec3 inside = mix(vec3(0.04, 0.05, 0.07), vec3(0.30, 0.27, 0.2), step(0.7, hash(which)));
    return inside + u_lamps * step(0.5, hash(which + 2.0)) * vec3(0.9, 0.7, 0.4);
}
vec3 albedo() {
    vec2 p = v_world.xy;
    if (v_material == 24) {
        float beyond = abs(p.y) - u_ground.w;
        return beyond < 0.0 ? road(p, u_ground.w) : verge(p, beyond);
    }
    if (v_material == 20) return facade();
    if (v_material == 22) {
        float leaf = noise(v_world.xz * 5.0 + v_world.y * 3.0);
        return mix(vec3(0.02, 0.06, 0.015), vec3(0.12, 0.19, 0.05), leaf);
    }
    if (v_material == 23) return vec3(0.09, 0.06, 0.04);
    return vec3(0.36) * (0.8 + 0.3 * noise(v_world.xz * 3.0));
}
void main() {
    vec3 n = normalize(v_normal);
    float lit = sunlit(0.004);
    float near = v_material == 24 ? contact(v_world.xy)
        : mix(0.6, 1.0, smoothstep(0.0, 1.0, v_world.z));
    vec3 c = albedo() * diffuse(n, lit) * near;
    if (v_material == 24 && u_wet > 0.0 && abs(v_world.y) < u_ground.w) {
        float puddle = u_wet * smoothstep(0.75, 0.35, noise(v_world.xy * 0.7 + u_seed));
        vec3 view = normalize(u_eye - v_world), ripple = n;
        ripple.xy += 0.05 * (vec2(noise(v_world.xy * 9.0), noise(v_world.yx * 9.0)) - 0.5);
        vec3 ray = reflect(-view, normalize(ripple));
        ray.z = abs(ray.z);
        float fresnel = 0.05 + 0.8 * pow(1.0 - max(dot(n, view), 0.0), 4.0);
        c = c * (1.0 - 0.45 * u_wet) + (0.3 + 0.7 * puddle) * u_wet * fresnel * mirrored(ray);
    }
    float haze = 1.0 - exp(-0.004 * length(u_eye - v_world));
    f_color = finish(mix(c, 0.7 * u_horizon, haze), 0.0);
}
"""
)
