"""GLSL 3.3 sources of vertices, shadow pass and light, and of the objects in front."""

VERTEX = """#version 330
uniform mat4 u_model, u_view_projection, u_light_projection;
in vec3 in_position; in vec3 in_normal; in vec2 in_uv; in float in_material;
out vec3 v_local; out vec3 v_local_normal; out vec3 v_world; out vec3 v_normal;
out vec2 v_uv; out vec4 v_light;
flat out int v_material;
void main() {
    vec4 world = u_model * vec4(in_position, 1.0);
    v_local = in_position; v_local_normal = in_normal; v_world = world.xyz;
    v_normal = mat3(u_model) * in_normal;
    v_uv = in_uv; v_material = int(in_material + 0.5);
    v_light = u_light_projection * vec4(world.xyz + 0.02 * v_normal, 1.0);
    gl_Position = u_view_projection * world;
}
"""

SHADOW_VERTEX = """#version 330
uniform mat4 u_model; uniform mat4 u_light_projection;
in vec3 in_position;
void main() { gl_Position = u_light_projection * u_model * vec4(in_position, 1.0); }
"""

SHADOW_FRAGMENT = """#version 330
void main() {}
"""

LIGHTING = """#version 330
uniform vec3 u_eye, u_sun_direction, u_sun, u_sky, u_horizon;
uniform vec3 u_gain; uniform float u_softness; uniform float u_lamps;
uniform float u_trees; uniform float u_seed; uniform float u_wet;
uniform sampler2DShadow u_shadow;
in vec3 v_local; in vec3 v_local_normal; in vec3 v_world; in vec3 v_normal;
in vec2 v_uv; in vec4 v_light;
flat in int v_material;
out vec4 f_color;

float hash(vec2 p) {
    vec3 q = fract(vec3(p.xyx) * 0.1031);
    q += dot(q, q.yzx + 33.33);
    return fract((q.x + q.y) * q.z);
}
float noise(vec2 p) {
    vec2 i = floor(p), f = fract(p); f = f * f * (3.0 - 2.0 * f);
    return mix(mix(hash(i), hash(i + vec2(1, 0)), f.x),
               mix(hash(i + vec2(0, 1)), hash(i + vec2(1, 1)), f.x), f.y);
}
// Share of the sun that the leaves of trees let through; the same for the street and vehicles.
float leaves() {
    if (u_trees <= 0.0) return 1.0;
    vec2 q = v_world.xy - u_sun_direction.xy / max(u_sun_direction.z, 0.25) * v_world.z;
    float crown = smoothstep(0.42, 0.58, noise(q * 0.30 + u_seed));
    float gap = smoothstep(0.35, 0.65, noise(q * 1.9 + 3.0 * u_seed));
    return 1.0 - u_trees * crown * (0.55 + 0.45 * gap);
}
// Share of the sun that arrives; all of it outside the shadow map.
float sunlit(float bias) {
    vec3 p = v_light.xyz / v_light.w * 0.5 + 0.5;
    float open = leaves();
    if (any(lessThan(p, vec3(0.0))) || any(greaterThan(p, vec3(1.0)))) return open;
    float r = u_softness / 256.0, s = 0.0;
    float turn = 6.2831853 * hash(gl_FragCoord.xy);  // noise instead of bands
    vec2 a = vec2(cos(turn), sin(turn)), b = vec2(-a.y, a.x);
    vec2 o[5] = vec2[5](0.15 * a, 0.7 * a, 0.8 * b, -0.9 * a, -0.6 * b);
    for (int i = 0; i < 5; i++) s += texture(u_shadow, vec3(p.xy + r * o[i], p.z - bias));
    return 0.2 * s * open;
}
// What a mirror in direction d shows: sky with clouds, a skyline of houses and trees, ground.
vec3 environment(vec3 d) {
    float around = atan(d.y, d.x), up = clamp(d.z, 0.0, 1.0);
    vec3 sky = mix(u_horizon, u_sky * 0.9, pow(up, 0.6));
    sky *= 0.85 + 0.4 * noise(vec2(around * 2.0 + u_seed, up * 5.0));
    float house = hash(vec2(floor(around * 4.0), floor(u_seed * 50.0)));
    float top = 0.05 + 0.26 * house * house + 0.10 * noise(vec2(around * 9.0, u_seed));
    vec3 wall = (u_sky + 0.5 * u_sun) * mix(vec3(0.10, 0.14, 0.07), vec3(0.34, 0.31, 0.28), house);
    vec3 low = 0.24 * (u_sky + 0.4 * u_sun);
    vec3 far = mix(wall, sky, smoothstep(top - 0.02, top + 0.03, d.z));
    return mix(low, far, smoothstep(-0.06, 0.01, d.z));
}
vec3 diffuse(vec3 n, float lit) {
    vec3 ambient = mix(0.30 * (u_sky + 0.35 * u_sun), u_sky, 0.5 + 0.5 * n.z);
    return ambient + u_sun * lit * max(dot(n, u_sun_direction), 0.0);
}
// The camera's response: exposure, white balance, a soft shoulder and gamma.
vec4 finish(vec3 c, float mask) {
    c = 1.0 - exp(-1.25 * c * u_gain);
    return vec4(pow(clamp(c, 0.0, 1.0), vec3(1.0 / 2.2)), mask);
}
"""

FRONT_VERTEX = """#version 330
in vec2 in_position; in vec3 in_rgb; out vec3 v_rgb;
void main() { v_rgb = in_rgb; gl_Position = vec4(in_position, -0.99, 1.0); }
"""

FRONT_FRAGMENT = """#version 330
uniform vec3 u_sky, u_sun, u_gain; in vec3 v_rgb; out vec4 f_color;
void main() {
    vec3 c = 1.0 - exp(-1.25 * v_rgb * (0.7 * u_sky + 0.45 * u_sun) * u_gain);
    f_color = vec4(pow(c, vec3(1.0 / 2.2)), 0.0);
}
"""
