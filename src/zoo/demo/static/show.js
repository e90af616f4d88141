"use strict";
// What the three parts of the page share: bars, maps and words.

zoo.byId = (name) => document.getElementById(name);

zoo.element = function (kind, attributes, ...children) {
  const made = document.createElement(kind);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

zoo.percent = (share) => (share > 0.995 && share < 1 ? "> 99" : share < 0.005 ? "< 1" : Math.round(100 * share)) + " %";

// The likeliest class first. By logits: of a sure network several probabilities are zero.
zoo.ranked = (logits) => Array.from(logits, (_, n) => n).sort((a, b) => logits[b] - logits[a]);

zoo.facts = function (network) {
  const error = network.error === null ? "" : `, ${network.error.toFixed(2)} % error (${network.protocol})`;
  return `${network.year || "your own"}${error}${network.bits < 16 ? `, weights in ${network.bits} bits here` : ""}`;
};

// A status is read aloud: only what has stood still for a moment.
zoo.say = (function () {
  const timers = {};
  return function (name, text) {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(() => { zoo.byId(name).textContent = text; }, 350);
  };
})();

// From black through orange to white, as light gets brighter; 0 to 1.
zoo.lit = function (share) {
  const s = Math.min(Math.max(share, 0), 1);
  return [255 * Math.min(1, 1.6 * s), 255 * Math.max(0, Math.min(1, 1.5 * s - 0.2)), 255 * Math.max(0, 2.2 * s - 1.2)];
};

// Pictures of h x w pixels side by side in one canvas: colour(picture, row, column) gives red, green and blue.
zoo.mosaic = function (canvas, count, h, w, across, scale, colour) {
  const columns = Math.min(count, across), rows = Math.ceil(count / columns);
  const small = new ImageData(columns * (w + 1) - 1, rows * (h + 1) - 1);
  for (let n = 0; n < count; n++) {
    const top = Math.floor(n / columns) * (h + 1), left = (n % columns) * (w + 1);
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) small.data.set([...colour(n, y, x), 255], 4 * ((top + y) * small.width + left + x));
    }
  }
  canvas.width = small.width;
  canvas.height = small.height;
  canvas.style.width = small.width * scale + "px";
  canvas.getContext("2d").putImageData(small, 0, 0);
};

zoo.range = function (data) {
  let low = Infinity, high = -Infinity;
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high > low ? high : low + 1];
};

zoo.figure = function (canvas, caption) {
  return zoo.element("figure", null, canvas, zoo.element("figcaption", null, caption));
};

// Maps (maps, h, w) or units (units) of one layer; between low and high where they are given.
zoo.drawMaps = function (canvas, given, options) {
  const [maps, h, w] = given.shape.length === 3 ? given.shape : [1, 1, given.shape[0]];
  const [low, high] = options.range || zoo.range(given.data);
  const count = Math.min(maps, options.most || maps);
  zoo.mosaic(canvas, count, h, w, options.across, options.scale, (n, y, x) =>
    zoo.lit((given.data[(n * h + y) * w + x] - low) / (high - low)));
};

// What the first layer looks for: filters (filters, channels, h, w), each from its darkest to its lightest number.
zoo.drawFilters = function (canvas, data, filters, channels, h, w, options) {
  const length = channels * h * w;
  const ranges = Array.from({ length: filters }, (_, n) => zoo.range(data.subarray(n * length, (n + 1) * length)));
  zoo.mosaic(canvas, filters, h, w, options.across, options.scale, function (n, y, x) {
    const [low, high] = ranges[n];
    return [0, 1, 2].map((c) => (255 * (data[n * length + (Math.min(c, channels - 1) * h + y) * w + x] - low)) / (high - low));
  });
};

zoo.showParts = function () {
  for (const element of document.querySelectorAll("[data-of]")) {
    element.hidden = !element.dataset.of.split(" ").every((part) => zoo.content[part]);
  }
};
zoo.showParts();
zoo.byId("left-out").textContent = zoo.content.leftOut.length
  ? `Left out, because this page stays under ${zoo.content.most} MB: ${zoo.content.leftOut.join("; ")}.` : "";
