"""GLSL 3.3 source of the street: road, markings, verges, buildings and plants."""

from semantic.data.synthetic.shaders import LIGHTING

STREET_FRAGMENT = (
    LIGHTING
    + """
uniform vec4 u_ground;   // brightness of the asphalt, verge, marking, half width of the road
uniform vec4 u_footprints[3];  // x, y, half length, half width of the vehicles; 0 when none
uniform float u_seed;

float contact(vec2 p) {
    float dark = 1.0;
    for (int i = 0; i < 3; i++) {
        if (u_footprints[i].z <= 0.0) continue;
        vec2 q = max(abs(p - u_footprints[i].xy) - u_footprints[i].zw + 0.15, 0.0);
        dark *= 1.0 - 0.75 * exp(-5.5 * length(q));
    }
    return dark;
}
vec3 road(vec2 p, float half_road) {
    float grain = noise(p * 9.0) * 0.5 + noise(p * 1.1 + u_seed) * 0.5;
    vec3 c = vec3(u_ground.x) * (0.72 + 0.5 * grain) * vec3(1.02, 1.0, 0.97);
    float stain = smoothstep(0.62, 0.75, noise(p * 0.35 + 3.0 * u_seed));
    float rut = smoothstep(0.8, 0.2, abs(abs(abs(p.y) - 1.75) - 0.75));
    c *= 1.0 - 0.25 * stain - 0.12 * rut;
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
    vec2 cell = fract(q / vec2(2.2, 3.0));
    bool pane = v_normal.z < 0.5 && cell.x > 0.25 && cell.x < 0.8
        && cell.y > 0.3 && cell.y < 0.8;
    float tone = hash(vec2(floor(u_seed * 91.0), 3.0));
    vec3 wall = mix(vec3(0.42, 0.30, 0.22), vec3(0.50, 0.49, 0.46), tone);
    return pane ? vec3(0.05, 0.06, 0.08) : wall * (0.85 + 0.2 * noise(q));
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
    float haze = 1.0 - exp(-0.004 * length(u_eye - v_world));
    f_color = finish(mix(c, 0.7 * u_horizon, haze), 0.0);
}
"""
)
