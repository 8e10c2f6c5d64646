"use strict";
// Draws the charts from what stands in the page, and keeps live parts from being
// replaced while somebody is marking rows in them.

const colours = () => {
  const style = getComputedStyle(document.documentElement);
  const name = (key) => style.getPropertyValue(key).trim();
  return { ink: name("--soft"), line: name("--line"), mark: name("--bad"), of: (i) => name(`--s${(i % 9) + 1}`) };
};

const stack = (series) => {
  const sums = [];
  let before = series.length ? series[0].values.map(() => 0) : [];
  for (const one of series) {
    before = before.map((sum, at) => sum + one.values[at]);
    sums.push(before);
  }
  return sums;
};

const draw = (place) => {
  const data = JSON.parse(place.dataset.chart);
  const { ink, line, mark, of } = colours();
  const stacked = "stacked" in place.dataset;
  const days = data.days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
  const sums = stacked ? stack(data.series) : data.series.map((one) => one.values);
  // The highest bar first, so that those before it stand in front of it.
  const order = data.series.map((_, at) => at).reverse();
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
  place.replaceChildren();
  const top = Math.max(1, ...sums.flat());
  new uPlot({
    width: Math.max(200, place.clientWidth - 16),
    height: Math.max(120, place.clientHeight - (data.series.length > 4 ? 90 : 60)),
    tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), "Etc/UTC"),
    padding: [(data.marks || []).length ? 22 : null, null, null, null],
    legend: { live: false },
    scales: { x: { range: (_, from, to) => [from - 43200, to + 43200] }, y: { range: () => [0, top * 1.05] } },
    axes: [{ ...axis, space: 60, values: (_, splits) => splits.map((at) => new Date(at * 1e3).toISOString().slice(5, 10)) }, { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }],
    series: [
      { value: (_, at) => (at == null ? "" : new Date(at * 1e3).toISOString().slice(0, 10)) },
      ...order.map((at) => ({
        label: data.series[at].name,
        stroke: of(at), fill: of(at), width: 0,
        paths: uPlot.paths.bars({ size: [0.8, 40] }), points: { show: false },
        value: (_, __, ___, i) => (i == null ? "" : data.series[at].values[i]),
      })),
    ],
    hooks: { draw: [(plot) => {
      for (const one of data.marks || []) {
        const x = Math.round(plot.valToPos(days[one.day], "x", true));
        plot.ctx.strokeStyle = plot.ctx.fillStyle = mark;
        plot.ctx.fillRect(x, plot.bbox.top, 2, plot.bbox.height);
        // Above the bars, whose colour would swallow it, and into the picture.
        plot.ctx.textAlign = x > plot.bbox.left + plot.bbox.width / 2 ? "right" : "left";
        plot.ctx.fillText(one.what, x + 1, plot.bbox.top - 6 * devicePixelRatio);
      }
    }] },
  }, [days, ...order.map((at) => sums[at])], place);
};

const drawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);

document.addEventListener("DOMContentLoaded", drawAll);

// A connector that starts is waited for, and then its page comes by itself.
const wait = async (place) => {
  const answer = await fetch(place.dataset.wait).catch(() => null);
  if (answer && answer.ok) location = "/";
  else setTimeout(wait, 700, place);
};
document.querySelectorAll("[data-wait]").forEach(wait);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
let waiting = 0;
addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 200); });
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.target;
  const busy = part.querySelector("input:checked, details[open]") || part.contains(document.activeElement);
  if (event.detail.requestConfig.triggeringEvent === undefined && busy && event.detail.requestConfig.verb === "get" && part.hasAttribute("hx-trigger")) {
    event.detail.shouldSwap = false;
  }
});
