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
// Share of the sun that arrives; all of it outside the shadow map.
float sunlit(float bias) {
    vec3 p = v_light.xyz / v_light.w * 0.5 + 0.5;
    if (any(lessThan(p, vec3(0.0))) || any(greaterThan(p, vec3(1.0)))) return 1.0;
    float r = u_softness / 256.0, s = 0.0;
    vec2 o[4] = vec2[4](
        vec2(0.6, 0.25), vec2(-0.25, 0.6), vec2(-0.6, -0.25), vec2(0.25, -0.6));
    for (int i = 0; i < 4; i++) s += texture(u_shadow, vec3(p.xy + r * o[i], p.z - bias));
    return 0.25 * s;
}
// What a mirror in direction d shows: sky, a hazy skyline, ground.
vec3 environment(vec3 d) {
    vec3 up = mix(u_horizon, u_sky * 0.9, pow(clamp(d.z, 0.0, 1.0), 0.6));
    vec3 low = 0.28 * (u_sky + 0.4 * u_sun);
    float skyline = d.z + 0.05 * sin(9.0 * atan(d.y, d.x));
    vec3 far = mix(low * 0.8, up, smoothstep(0.04, 0.22, skyline));
    return mix(low, far, smoothstep(-0.10, 0.0, d.z));
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
