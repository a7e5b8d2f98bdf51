// Draws the charts of the page, and draws them again when the reader's screen turns dark or light.
(() => {
  const looks = JSON.parse(document.getElementById("looks").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const views = [];

  function config() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const [ink, faint, edge] = [color("--ink"), color("--faint"), color("--edge")];
    const font = "system-ui, sans-serif";
    return {
      background: "transparent",
      font,
      range: {
        category: dark.matches ? looks.dark : looks.light,
        symbol: looks.shapes,
        heatmap: { scheme: dark.matches ? "darkblue" : "blues" },
      },
      view: { stroke: edge },
      axis: {
        domainColor: edge, tickColor: edge, gridColor: edge, gridOpacity: 0.6,
        labelColor: ink, titleColor: faint, titleFontWeight: "normal", labelFontSize: 12,
        titleFontSize: 12,
      },
      legend: {
        orient: "bottom", labelColor: ink, titleColor: faint, labelFontSize: 12,
        titleFontWeight: "normal", labelLimit: 260, symbolSize: 70,
      },
      rule: { strokeWidth: 1.2, opacity: 0.7 },
      line: { strokeWidth: 2 },
    };
  }

  // The dashes of the lines are those of printed figures.
  function dashed(spec) {
    for (const layer of spec.layer ?? []) {
      const dash = layer.encoding.strokeDash;
      if (!dash) continue;
      dash.scale.range = dash.scale.domain.map((_, i) => {
        const count = looks.dashes.length; // colors and dashes repeat at different paces
        const strokes = looks.dashes[(i + Math.floor(i / count)) % count];
        return strokes.length ? strokes.map((length) => 2 * length) : [1, 0];
      });
    }
    return spec;
  }

  async function draw() {
    for (const view of views.splice(0)) view.finalize();
    for (const place of document.querySelectorAll("[data-chart]")) {
      const spec = dashed(JSON.parse(document.getElementById(place.dataset.chart).textContent));
      const result = await vegaEmbed(place, spec, {
        mode: "vega-lite",
        renderer: "svg",
        config: config(),
        tooltip: { theme: dark.matches ? "dark" : "light" },
        actions: { export: true, source: false, compiled: false, editor: false },
        downloadFileName: place.dataset.chart,
      });
      views.push(result);
    }
    document.documentElement.dataset.drawn = views.length;
  }

  dark.addEventListener("change", draw);
  draw();
})();
