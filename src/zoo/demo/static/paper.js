"use strict";
// Digits on paper in the form of MNIST's: the functions and numbers of zoo/data/paper in Python, under their names.
// An image is {h, w, data}, 112 to 800 pixels long, so that it is looked at as it is; densities are rounded to 32 bits
// where NumPy and SciPy do.
zoo.paper = (function () {
  const SIDE = 28, LONGER = 20;
  const FLOOR = 6, AROUND = 0.5, COARSE_SIDE = 48;
  const FINE = 0.08, COARSE = 0.25;
  const BESIDE = 8, REST = 0.05, MORE = 0.1, ENOUGH = 0.8;
  const INK = [5, 0.06], RULING = [3, 0.03];
  const EDGE = 0.25, FULL = 0.75;
  const DARKER = 0.2, SHARP = 0.5, SOFTEST = 0.04, FAINTEST = 0.12, SMALLEST = 0.02, MOST = 200, FLECK = 0.002;
  const THIN = 0.012, STEEPEST = 0.2, ALONE = 0.9, OF_SEVERAL = 0.5, OUTSIDE = 0.25, SEVERAL = 3, ALIKE = 0.06;
  const STRAY = 6, HALF = 4, PIECES = 16;

  const image = (h, w, data) => ({ h, w, data: data || new Float32Array(h * w) });
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // To the nearest, halves to the even one, as Python and NumPy round.
  function round(value) {
    const down = Math.floor(value), rest = value - down;
    if (rest < 0.5) return down;
    if (rest > 0.5) return down + 1;
    return down % 2 ? down + 1 : down;
  }

  // Where an index outside is looked up: d c b a | a b c d | d c b a.
  function reflected(n, length) {
    const period = 2 * length;
    const m = ((n % period) + period) % period;
    return m < length ? m : period - 1 - m;
  }

  function widened(line, before, after) {
    const wide = new Float32Array(line.length + before + after);
    wide.set(line, before);
    for (let n = 0; n < before; n++) wide[n] = line[reflected(n - before, line.length)];
    for (let n = 0; n < after; n++) wide[before + line.length + n] = line[reflected(line.length + n, line.length)];
    return wide;
  }

  function transposed(from) {
    const to = image(from.w, from.h);
    for (let y = 0; y < from.h; y++) for (let x = 0; x < from.w; x++) to.data[x * from.h + y] = from.data[y * from.w + x];
    return to;
  }

  function alongRows(from, line) {
    const to = image(from.h, from.w);
    for (let y = 0; y < from.h; y++) {
      line(from.data.subarray(y * from.w, (y + 1) * from.w), to.data.subarray(y * from.w, (y + 1) * from.w));
    }
    return to;
  }

  function separable(from, line) {
    return alongRows(transposed(alongRows(transposed(from), line)), line);
  }

  function gaussian(from, sigma) {
    const radius = Math.trunc(4 * sigma + 0.5);
    const weights = [];
    for (let n = -radius; n <= radius; n++) weights.push(Math.exp((-0.5 / (sigma * sigma)) * n * n));
    const total = weights.reduce((a, b) => a + b, 0);
    return separable(from, function (line, out) {
      const wide = widened(line, radius, radius);
      for (let n = 0; n < line.length; n++) {
        let sum = 0;
        for (let k = 0; k <= 2 * radius; k++) sum += wide[n + k] * (weights[k] / total);
        out[n] = sum;
      }
    });
  }

  // The largest or smallest of a window from before to after each place, in steps that do not grow with the window.
  function extremes(line, out, before, after, largest) {
    const wide = widened(line, before, after), size = before + after + 1;
    if (!largest) for (let n = 0; n < wide.length; n++) wide[n] = -wide[n];
    const queue = new Int32Array(wide.length);
    for (let n = 0, head = 0, tail = 0; n < wide.length; n++) {
      while (tail > head && wide[n] >= wide[queue[tail - 1]]) tail -= 1;
      queue[tail++] = n;
      const at = n - size + 1;
      if (at < 0) continue;
      if (queue[head] < at) head += 1;
      out[at] = largest ? wide[queue[head]] : -wide[queue[head]];
    }
  }

  // SciPy's windows of an even size reach one further back; a dilation mirrors that.
  const dilatedLine = (size) => (line, out) => extremes(line, out, Math.floor((size - 1) / 2), Math.floor(size / 2), true);
  const erodedLine = (size) => (line, out) => extremes(line, out, Math.floor(size / 2), Math.floor((size - 1) / 2), false);
  const closed = (from, size) => separable(separable(from, dilatedLine(size)), erodedLine(size));
  const openedColumns = (from, size) =>
    transposed(alongRows(alongRows(transposed(from), erodedLine(size)), dilatedLine(size)));

  // Puts the value that sorting would have at a place there, no larger one before it and no smaller one after it.
  function select(values, place) {
    for (let low = 0, high = values.length - 1; low < high;) {
      const pivot = values[place];
      let i = low, j = high;
      while (i <= j) {
        while (values[i] < pivot) i++;
        while (values[j] > pivot) j--;
        if (i <= j) {
          const value = values[i];
          values[i++] = values[j];
          values[j--] = value;
        }
      }
      if (j < place) low = i;
      if (i > place) high = j;
    }
    return values[place];
  }

  function percentile(given, share) {
    const values = Float64Array.from(given), at = (share / 100) * (values.length - 1), low = Math.floor(at);
    const value = select(values, low);
    if (at === low) return value;
    let next = Infinity;
    for (let n = low + 1; n < values.length; n++) if (values[n] < next) next = values[n];
    return value + (next - value) * (at - low);
  }

  const median = (values) => percentile(values, 50);

  // ---- density.py

  function density(grey, widest) {
    const smooth = gaussian(image(grey.h, grey.w, Float32Array.from(grey.data)), Math.min(grey.h, grey.w) > 200 ? 0.8 : 0.3);
    const paper = closed(smooth, Math.max(3, round(widest * Math.min(grey.h, grey.w))));
    const ink = image(grey.h, grey.w);
    for (let n = 0; n < ink.data.length; n++) {
      ink.data[n] = Math.log(Math.fround(Math.fround(paper.data[n] + FLOOR) / Math.fround(smooth.data[n] + FLOOR)));
    }
    return ink;
  }

  function surroundings(grey) {
    const step = Math.max(1, Math.floor(Math.min(grey.h, grey.w) / COARSE_SIDE));
    const height = Math.max(1, Math.floor(grey.h / step)), width = Math.max(1, Math.floor(grey.w / step));
    const coarse = new Float64Array(height * width);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let i = 0; i < step; i++) for (let j = 0; j < step; j++) sum += grey.data[(y * step + i) * grey.w + x * step + j];
        coarse[y * width + x] = sum / (step * step);
      }
    }
    const size = round(AROUND * Math.min(height, width)) | 1;
    const middle = movingMedian(coarse, height, width, size);
    const around = image(grey.h, grey.w);
    for (let y = 0; y < grey.h; y++) {
      const row = Math.min(Math.floor(y / step), height - 1);
      for (let x = 0; x < grey.w; x++) around.data[y * grey.w + x] = middle[row * width + Math.min(Math.floor(x / step), width - 1)];
    }
    return around;
  }

  // Medians of size x size places, the outermost standing for what is outside: by ranks, so that a window is a count.
  function movingMedian(values, height, width, size) {
    const levels = Float64Array.from(new Set(values)).sort();
    const rankOf = new Map(Array.from(levels, (value, rank) => [value, rank]));
    const ranks = Int32Array.from(values, (value) => rankOf.get(value));
    const reach = size >> 1, half = (size * size) >> 1;
    const out = new Float64Array(values.length);
    const at = (y, x) => ranks[clamp(y, 0, height - 1) * width + clamp(x, 0, width - 1)];
    for (let y = 0; y < height; y++) {
      const counts = new Int32Array(levels.length);
      let rank = 0, below = 0;
      const put = function (number, by) {
        counts[number] += by;
        if (number < rank) below += by;
      };
      for (let i = -reach; i <= reach; i++) for (let j = -reach; j <= reach; j++) put(at(y + i, j), 1);
      for (let x = 0; x < width; x++) {
        if (x) {
          for (let i = -reach; i <= reach; i++) {
            put(at(y + i, x - 1 - reach), -1);
            put(at(y + i, x + reach), 1);
          }
        }
        while (below > half) below -= counts[--rank];
        while (below + counts[rank] <= half) below += counts[rank++];
        out[y * width + x] = levels[rank];
      }
    }
    return out;
  }

  // ---- ruling.py

  function withoutRuling(given, noise) {
    let cleared = given;
    for (const turn of [false, true]) {
      const turned = turn ? transposed(cleared) : cleared;
      const lines = ruledLines(turned, noise);
      if (lines.length) {
        const copy = image(turned.h, turned.w, turned.data.slice());
        for (const line of lines) subtract(copy, line);
        cleared = turn ? transposed(copy) : copy;
      }
    }
    return cleared;
  }

  function ruledLines(ink, noise) {
    const longer = Math.max(ink.h, ink.w);
    const opened = openedColumns(ink, 2 * round((THIN * longer) / 2) + 3);
    const step = Math.max(1, round(longer / 500));
    const height = Math.floor(ink.h / step), width = Math.floor(ink.w / step);
    const marks = new Uint8Array(height * width);
    for (let y = 0; y < height * step; y++) {
      for (let x = 0; x < width * step; x++) {
        const n = y * ink.w + x;
        if (Math.fround(ink.data[n] - opened.data[n]) > noise) {
          marks[Math.floor(y / step) * width + Math.floor(x / step)] = 1;
        }
      }
    }
    const rows = [], columns = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const n = y * width + x;
        if (marks[n] || (y > 0 && marks[n - width]) || (y < height - 1 && marks[n + width])) {
          rows.push(y);
          columns.push(x);
        }
      }
    }
    const count = Math.max(0, Math.ceil((STEEPEST + 1e-9 + STEEPEST) / (1.5 / width)));
    const slopes = Array.from({ length: count }, (_, n) => -STEEPEST + n * (1.5 / width));
    const cover = new Float64Array(count * height);
    const quarters = new Float64Array(4 * height);
    slopes.forEach(function (slope, number) {
      quarters.fill(0);
      for (let n = 0; n < rows.length; n++) {
        const at = round(rows[n] - slope * (columns[n] - width / 2));
        if (at >= 0 && at < height) quarters[at * 4 + Math.floor((columns[n] * 4) / width)] += 4 / width;
      }
      for (let at = 0; at < height; at++) {
        const own = quarters.subarray(4 * at, 4 * at + 4);
        if (Math.min(own[0], own[3]) > OUTSIDE) cover[number * height + at] = (own[0] + own[1] + own[2] + own[3]) / 4;
      }
    });
    const lines = [];
    while (lines.length < 200) {
      let best = 0;
      for (let n = 1; n < cover.length; n++) if (cover[n] > cover[best]) best = n;
      if (!(cover[best] >= OF_SEVERAL)) break;
      const number = Math.floor(best / height), at = best % height;
      lines.push({ height: (at + 0.5) * step, slope: slopes[number], cover: cover[best] });
      for (let n = 0; n < count; n++) {
        for (let y = Math.max(0, at - 3); y < Math.min(height, at + 4); y++) cover[n * height + y] = 0;
      }
    }
    if (!lines.length) return [];
    const usual = median(lines.map((line) => line.slope));
    const alike = lines.filter((line) => Math.abs(line.slope - usual) < ALIKE);
    return alike.length >= SEVERAL ? alike : lines.filter((line) => line.cover >= ALONE);
  }

  function subtract(ink, line) {
    const unit = Math.max(ink.h, ink.w) / 1000;
    const stray = Math.max(2, round(STRAY * unit)), half = Math.max(2, round(HALF * unit));
    const reach = stray + half, offsets = 2 * reach + 1;
    const middle = Array.from({ length: ink.w }, (_, x) => round(line.height + line.slope * (x - ink.w / 2)));
    const edges = Array.from({ length: PIECES + 1 }, (_, n) => Math.trunc((ink.w / PIECES) * n));
    const band = (o, x) => {
      const row = middle[x] + o - reach;
      return row < 0 || row >= ink.h ? 0 : ink.data[row * ink.w + x];
    };
    const pieces = [];
    for (let n = 0; n < PIECES; n++) {
      const [a, b] = [edges[n], edges[n + 1]];
      // Python counts a slice's end beyond the last column as the last, and one that begins before the first at 0.
      const from = Math.max(0, a - (b - a)), to = Math.min(ink.w, b + (b - a));
      pieces.push(
        Array.from({ length: offsets }, (_, o) => median(Array.from({ length: to - from }, (_, x) => band(o, from + x)))),
      );
    }
    const ridges = pieces.map((piece) =>
      piece.map((_, o) => (piece[reflected(o - 1, offsets)] + piece[o] + piece[reflected(o + 1, offsets)]) / 3).slice(half, -half),
    );
    const tops = ridges.map((ridge) => ridge.indexOf(Math.max(...ridge)));
    const bends = tops.map((_, n) => median([-1, 0, 1].map((k) => tops[reflected(n + k, PIECES)])) + half);
    const whole = Array.from({ length: 2 * half + 1 }, (_, k) => median(pieces.map((piece, n) => piece[bends[n] - half + k])));
    const taken = [];
    pieces.forEach(function (piece, n) {
      const cut = whole.map((value, k) => Math.min(piece[bends[n] - half + k], 1.4 * value + 0.01));
      const profile = cut.map((_, k) => Math.max(...[-1, 0, 1].map((d) => cut[reflected(k + d, cut.length)])));
      for (let k = 0; k <= 2 * half; k++) {
        for (let x = edges[n]; x < edges[n + 1]; x++) {
          const row = middle[x] + bends[n] - half + k - reach;
          if (row >= 0 && row < ink.h) taken.push([row * ink.w + x, profile[k]]);
        }
      }
    });
    for (const [place, value] of taken) ink.data[place] = Math.max(0, ink.data[place] - value);
  }

  // ---- parts.py

  function labelled(ink, least) {
    const labels = new Int32Array(ink.h * ink.w);
    const stack = new Int32Array(ink.h * ink.w);
    let count = 0;
    for (let start = 0; start < labels.length; start++) {
      if (labels[start] || !(ink.data[start] > least)) continue;
      count += 1;
      let height = 0;
      labels[start] = count;
      stack[height++] = start;
      while (height) {
        const at = stack[--height], y = Math.floor(at / ink.w), x = at % ink.w;
        for (let i = Math.max(0, y - 1); i <= Math.min(ink.h - 1, y + 1); i++) {
          for (let j = Math.max(0, x - 1); j <= Math.min(ink.w - 1, x + 1); j++) {
            const next = i * ink.w + j;
            if (!labels[next] && ink.data[next] > least) {
              labels[next] = count;
              stack[height++] = next;
            }
          }
        }
      }
    }
    return { labels, count };
  }

  function gradient(ink) {
    const slope = image(ink.h, ink.w);
    const along = (n, at, length, step) =>
      at === 0 ? ink.data[n + step] - ink.data[n]
        : at === length - 1 ? ink.data[n] - ink.data[n - step]
          : Math.fround(ink.data[n + step] - ink.data[n - step]) / 2;
    for (let y = 0, n = 0; y < ink.h; y++) {
      for (let x = 0; x < ink.w; x++, n++) slope.data[n] = Math.hypot(along(n, y, ink.h, ink.w), along(n, x, ink.w, 1));
    }
    return slope;
  }

  function marksIn(ink, grey, around, least) {
    const { labels, count } = labelled(ink, least);
    const amount = new Float64Array(count + 1), overPaper = new Float64Array(count + 1), overAround = new Float64Array(count + 1);
    const boxes = Array.from({ length: count + 1 }, () => [Infinity, Infinity, 0, 0]);
    for (let n = 0; n < labels.length; n++) {
      const label = labels[n];
      if (!label) continue;
      const y = Math.floor(n / ink.w), x = n % ink.w, box = boxes[label];
      amount[label] += ink.data[n];
      overPaper[label] += Math.fround((grey.data[n] + FLOOR) * Math.fround(Math.expm1(ink.data[n])));
      overAround[label] += around.data[n] - grey.data[n];
      box[0] = Math.min(box[0], y);
      box[1] = Math.min(box[1], x);
      box[2] = Math.max(box[2], y + 1);
      box[3] = Math.max(box[3], x + 1);
    }
    const slope = gradient(ink);
    const most = Math.max(...amount);
    const order = Array.from({ length: count }, (_, n) => n + 1).sort((a, b) => amount[b] - amount[a]).slice(0, MOST);
    const marks = [];
    for (const label of order) {
      if (!(overAround[label] > DARKER * overPaper[label]) || !(amount[label] > FLECK * most)) continue;
      const [top, left, bottom, right] = boxes[label];
      const height = bottom - top + 2, width = right - left + 2;
      const own = [];
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) if (labels[y * ink.w + x] === label) own.push(ink.data[y * ink.w + x]);
      }
      const middle = percentile(own, 90);
      if (middle < FAINTEST) continue;
      const strokes = new Uint8Array(height * width);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const n = y * ink.w + x;
          if (labels[n] === label && ink.data[n] > middle / 2) strokes[(y - top + 1) * width + x - left + 1] = 1;
        }
      }
      const edge = [];
      for (let y = 1; y < height - 1; y++) {
        for (let x = 1; x < width - 1; x++) {
          const n = y * width + x;
          const inner = strokes[n - 1] && strokes[n + 1] && strokes[n - width] && strokes[n + width];
          if (strokes[n] && !inner) edge.push(slope.data[(y + top - 1) * ink.w + x + left - 1]);
        }
      }
      marks.push(part([label], boxes[label], amount[label], middle, percentile(edge, 25) / middle));
    }
    return { labels, marks };
  }

  function part(labels, box, ink, dense, sharpness) {
    const height = box[2] - box[0], width = box[3] - box[1];
    return { labels, box, ink, density: dense, sharpness, height, width, longer: Math.max(height, width) };
  }

  function digitsOf(all, shape, sharpest) {
    let marks = inside(all.filter((mark) => mark.sharpness > Math.max(SHARP * sharpest, SOFTEST)), shape);
    if (!marks.length) return [];
    const most = Math.max(...marks.map((mark) => mark.ink));
    const level = Math.max(...marks.filter((mark) => mark.ink > 0.2 * most).map((mark) => mark.density));
    marks = marks.filter((mark) => mark.density > 0.35 * level);
    const digits = joined(marks)
      .filter((digit) => digit.width < 2.5 * digit.height)
      .filter((digit) => digit.longer > SMALLEST * Math.min(shape.h, shape.w));
    const tallest = Math.max(0, ...digits.map((digit) => digit.longer));
    const heaviest = Math.max(0, ...digits.map((digit) => digit.ink));
    return inReadingOrder(digits.filter((digit) => digit.longer > 0.45 * tallest && digit.ink > 0.08 * heaviest));
  }

  function sharpestOf(marks, shape) {
    const large = inside(marks, shape).filter((mark) => mark.longer > 0.04 * Math.min(shape.h, shape.w));
    return Math.max(0, ...large.map((mark) => mark.sharpness));
  }

  function inside(marks, shape) {
    const free = marks.filter(({ box }) => box[0] > 0 && box[1] > 0 && box[2] < shape.h && box[3] < shape.w);
    return free.some((mark) => mark.longer > 0.06 * Math.min(shape.h, shape.w)) ? free : marks;
  }

  function joined(marks) {
    const parts = marks.slice();
    const tallest = Math.max(...parts.map((one) => one.longer));
    for (;;) {
      const pair = belonging(parts, tallest);
      if (!pair) return parts;
      const [i, j] = pair, a = parts[i], b = parts[j];
      const box = [0, 1].map((k) => Math.min(a.box[k], b.box[k])).concat([2, 3].map((k) => Math.max(a.box[k], b.box[k])));
      parts.splice(j, 1);
      parts[i] = part(a.labels.concat(b.labels), box, a.ink + b.ink, a.density, a.sharpness);
    }
  }

  function belonging(parts, tallest) {
    for (let i = 0; i < parts.length; i++) {
      for (let j = i + 1; j < parts.length; j++) if (belong(parts[i], parts[j], tallest)) return [i, j];
    }
    return null;
  }

  function belong(a, b, tallest) {
    const gapY = Math.max(a.box[0], b.box[0]) - Math.min(a.box[2], b.box[2]);
    const gapX = Math.max(a.box[1], b.box[1]) - Math.min(a.box[3], b.box[3]);
    const shared = -gapX / Math.max(1, Math.min(a.width, b.width));
    const smaller = Math.min(a.longer, b.longer);
    if (gapY < 0 && gapX < 0 && shared > 0.5) return true;
    if (shared > 0.4 && gapY < 0.25 * tallest && smaller < 0.7 * tallest) return true;
    if (shared > 0.4 && gapY < 0.1 * tallest) return true;
    return smaller < 0.45 * tallest && Math.max(gapX, gapY) < 0.08 * tallest;
  }

  function inReadingOrder(digits) {
    const rows = [];
    for (const digit of digits.slice().sort((a, b) => a.box[0] + a.box[2] - b.box[0] - b.box[2])) {
      const middle = (digit.box[0] + digit.box[2]) / 2;
      const row = rows.find((others) => others.some(({ box }) => box[0] < middle && middle < box[2]));
      if (row) row.push(digit);
      else rows.push([digit]);
    }
    return rows.flatMap((row) => row.sort((a, b) => a.box[1] + a.box[3] - b.box[1] - b.box[3]));
  }

  // ---- form.py, area.py

  function centre(grey) {
    let total = 0, down = 0, across = 0;
    for (let y = 0, n = 0; y < grey.h; y++) {
      for (let x = 0; x < grey.w; x++, n++) {
        total += grey.data[n];
        down += grey.data[n] * y;
        across += grey.data[n] * x;
      }
    }
    return [down / (total || 1), across / (total || 1)];
  }

  function isInForm(grey) {
    if (grey.h !== SIDE || grey.w !== SIDE || !grey.data.some((value) => value)) return false;
    let top = SIDE, left = SIDE, bottom = -1, right = -1;
    grey.data.forEach(function (value, n) {
      if (!value) return;
      const y = Math.floor(n / SIDE), x = n % SIDE;
      [top, left, bottom, right] = [Math.min(top, y), Math.min(left, x), Math.max(bottom, y), Math.max(right, x)];
    });
    const longer = Math.max(bottom - top, right - left) + 1;
    return LONGER - 1 <= longer && longer <= LONGER && Math.max(...centre(grey).map((at) => Math.abs(at - SIDE / 2))) < 0.52;
  }

  // The means of height x width equal areas of values (h, w, channels), whose pixels on a border count with their share.
  function areaMeans(values, h, w, channels, height, width) {
    const means = function (from, length, inner, outer, count) {
      const to = new Float64Array(outer * count * inner);
      for (let o = 0; o < outer; o++) {
        for (let k = 0; k < inner; k++) {
          const at = (n) => (o * length + n) * inner + k;
          const sums = new Float64Array(length + 1);
          for (let n = 0; n < length; n++) sums[n + 1] = sums[n] + from[at(n)];
          const upTo = function (n) {
            const border = n * (length / count), whole = Math.min(Math.trunc(border), length - 1);
            return sums[whole] + (border - whole) * from[at(whole)];
          };
          for (let n = 0; n < count; n++) to[(o * count + n) * inner + k] = (upTo(n + 1) - upTo(n)) * (count / length);
        }
      }
      return to;
    };
    return means(means(values, h, w * channels, 1, height), w, channels, height, width);
  }

  // Pillow's bilinear scaling to a larger size, of one channel.
  function enlarged(from, height, width) {
    const line = (count) => function (values) {
      const scale = values.length / count;
      return Float32Array.from({ length: count }, function (_, n) {
        const middle = (n + 0.5) * scale;
        const first = Math.max(0, Math.trunc(middle - 1 + 0.5)), last = Math.min(values.length, Math.trunc(middle + 1 + 0.5));
        let sum = 0, total = 0;
        for (let k = first; k < last; k++) {
          const weight = Math.max(0, 1 - Math.abs(k - middle + 0.5));
          sum += weight * values[k];
          total += weight;
        }
        return sum / total;
      });
    };
    const across = image(from.h, width);
    for (let y = 0; y < from.h; y++) across.data.set(line(width)(from.data.subarray(y * from.w, (y + 1) * from.w)), y * width);
    const turned = transposed(across), down = image(width, height);
    for (let x = 0; x < width; x++) down.data.set(line(height)(turned.data.subarray(x * from.h, (x + 1) * from.h)), x * height);
    return transposed(down);
  }

  function formed(ink) {
    const longer = Math.max(ink.h, ink.w);
    const [height, width] = [ink.h, ink.w].map((side) => Math.max(1, round((side * LONGER) / longer)));
    const small = longer >= LONGER ? areaMeans(ink.data, ink.h, ink.w, 1, height, width) : enlarged(ink, height, width).data;
    const values = image(height, width, Uint8Array.from(small, (value) => round(255 * clamp(value, 0, 1))));
    const [y, x] = centre(values);
    const top = clamp(round(SIDE / 2 - y), 0, SIDE - height), left = clamp(round(SIDE / 2 - x), 0, SIDE - width);
    const placed = image(SIDE, SIDE, new Uint8Array(SIDE * SIDE));
    for (let row = 0; row < height; row++) {
      placed.data.set(values.data.subarray(row * width, (row + 1) * width), (top + row) * SIDE + left);
    }
    return placed;
  }

  // ---- find.py

  function digitsIn(grey) {
    const negative = (one) => image(one.h, one.w, one.data.map((value) => 255 - value));
    for (const one of [grey, negative(grey)]) if (isInForm(one)) return [{ image: one, box: [0, 0, one.w, one.h] }];
    const around = surroundings(grey);
    const sides = [[grey, around], [negative(grey), negative(around)]];
    const fine = readings(sides, FINE), coarse = readings(sides, COARSE);
    const first = weight(fine[1]) > weight(fine[0]) ? 1 : 0;
    let best = fine[first];
    const wide = coarse[first];
    if (!isWhole(best, wide.ink)) best = weight(coarse[1]) > weight(coarse[0]) ? coarse[1] : coarse[0];
    else if (weight(best) < ENOUGH * weight(wide)) best = wide;
    return best.digits.map((one) => digitOf(best, one));
  }

  function readings(sides, widest) {
    const found = sides.map(function ([work, around]) {
      const { ink, least } = inkOf(work, widest);
      return { ink, ...marksIn(ink, work, around, least) };
    });
    const sharpest = Math.max(...found.map(({ marks }) => sharpestOf(marks, sides[0][0])));
    return found.map(({ ink, labels, marks }) => ({ ink, labels, digits: digitsOf(marks, sides[0][0], sharpest) }));
  }

  const weight = (reading) => reading.digits.reduce((sum, one) => sum + one.ink * one.density * one.sharpness ** 2, 0);

  function dilated(mask, h, w, times) {
    let now = mask;
    for (let time = 0; time < times; time++) {
      const next = now.slice();
      for (let y = 0, n = 0; y < h; y++) {
        for (let x = 0; x < w; x++, n++) {
          if (now[n]) continue;
          if ((x > 0 && now[n - 1]) || (x < w - 1 && now[n + 1]) || (y > 0 && now[n - w]) || (y < h - 1 && now[n + w])) next[n] = 1;
        }
      }
      now = next;
    }
    return now;
  }

  // With everything set that no path leads to from outside.
  function filled(mask, h, w) {
    const outside = new Uint8Array(h * w), stack = [];
    const visit = function (y, x) {
      const n = y * w + x;
      if (y >= 0 && y < h && x >= 0 && x < w && !mask[n] && !outside[n]) {
        outside[n] = 1;
        stack.push(n);
      }
    };
    for (let y = 0; y < h; y++) { visit(y, 0); visit(y, w - 1); }
    for (let x = 0; x < w; x++) { visit(0, x); visit(h - 1, x); }
    while (stack.length) {
      const n = stack.pop(), y = Math.floor(n / w), x = n % w;
      visit(y - 1, x); visit(y + 1, x); visit(y, x - 1); visit(y, x + 1);
    }
    return outside.map((out) => 1 - out);
  }

  function isWhole(reading, ink) {
    const labels = new Set(reading.digits.flatMap((one) => one.labels));
    if (!labels.size) return false;
    const { h, w } = ink;
    const own = Uint8Array.from(reading.labels, (label) => (labels.has(label) ? 1 : 0));
    const near = dilated(own, h, w, BESIDE / 2), far = dilated(near, h, w, BESIDE / 2), within = filled(own, h, w);
    let beside = 0, places = 0, ours = 0, mine = 0, more = 0, had = 0;
    for (let n = 0; n < own.length; n++) {
      if (far[n] && !near[n]) { beside += ink.data[n]; places += 1; }
      if (own[n]) { ours += ink.data[n]; mine += 1; }
      if (within[n]) { more += ink.data[n] - reading.ink.data[n]; had += reading.ink.data[n]; }
    }
    return beside / places < REST * (ours / mine) && more < MORE * had;
  }

  function inkOf(work, widest) {
    const ink = density(work, widest);
    const paper = Math.fround(median(ink.data));
    const noise = 1.4826 * median(ink.data.map((value) => Math.abs(Math.fround(value - paper))));
    const over = image(ink.h, ink.w, ink.data.map((value) => Math.max(0, value - paper)));
    return { ink: withoutRuling(over, Math.max(RULING[0] * noise, RULING[1])), least: Math.max(INK[0] * noise, INK[1]) };
  }

  function digitOf(reading, one) {
    const [top, left, bottom, right] = one.box;
    const h = bottom - top, w = right - left, own = new Set(one.labels);
    const covered = new Float32Array(h * w), inked = [];
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const n = (y + top) * reading.ink.w + x + left;
        if (!own.has(reading.labels[n])) continue;
        const cover = Math.fround(-Math.expm1(-reading.ink.data[n]));
        covered[y * w + x] = cover;
        if (reading.ink.data[n] > 0) inked.push(cover);
      }
    }
    const most = percentile(inked, 75);
    const soft = covered.map((value) => clamp((value / most - EDGE) / (FULL - EDGE), 0, 1));
    let [a, b, c, d] = [h, 0, w, 0];
    soft.forEach(function (value, n) {
      if (value < 0.5) return;
      const y = Math.floor(n / w), x = n % w;
      [a, b, c, d] = [Math.min(a, y), Math.max(b, y + 1), Math.min(c, x), Math.max(d, x + 1)];
    });
    const cut = image(b - a, d - c);
    for (let y = a; y < b; y++) for (let x = c; x < d; x++) cut.data[(y - a) * cut.w + x - c] = soft[y * w + x];
    const box = [left + c, top + a, left + d, top + b];
    return { image: formed(cut), box };
  }

  // The largest digit, as Python's as_mnist gives it; null where there is no ink.
  function asMnist(grey) {
    const digits = digitsIn(grey);
    const longer = ({ box }) => Math.max(box[2] - box[0], box[3] - box[1]);
    return digits.length ? digits.reduce((a, b) => (longer(b) > longer(a) ? b : a)).image : null;
  }

  return { digitsIn, asMnist, areaMeans, enlarged, image, round };
})();
