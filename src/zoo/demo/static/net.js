"use strict";
// The networks in plain JavaScript: sums in 64 bits, what a layer gives in 32, as torch's CPU code within rounding.
var zoo = window.zoo || {};
window.zoo = zoo;

zoo.networks = [];
zoo._blocks = {};
zoo._waiting = {};

zoo.came = function (content) {
  zoo.content = content;
  zoo.networks = content.networks;
};

zoo.weightsCame = function (name, text) {
  zoo._blocks[name] = zoo._inflated(text);
};

// Base 85 as Python's b85encode writes it, then deflate.
zoo._inflated = function (text) {
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
  const values = new Uint8Array(128);
  for (let n = 0; n < 85; n++) values[letters.charCodeAt(n)] = n;
  const padding = (5 - (text.length % 5)) % 5;
  const bytes = new Uint8Array(((text.length + padding) / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let from = 0, to = 0; from < text.length; from += 5, to += 4) {
    let number = 0;
    for (let k = 0; k < 5; k++) {
      number = number * 85 + (from + k < text.length ? values[text.charCodeAt(from + k)] : 84);
    }
    view.setUint32(to, number);
  }
  const whole = bytes.subarray(0, bytes.length - padding);
  const stream = new Blob([whole]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
};

// A network with its numbers, fetched as a script when it is first wanted: a page on a disk may fetch nothing else.
zoo.load = function (network) {
  if (!zoo._waiting[network.name]) {
    zoo._waiting[network.name] = zoo.script(network.script).then(async function () {
      const buffer = await zoo._blocks[network.name];
      delete zoo._blocks[network.name];
      return zoo._filled(network, buffer);
    });
  }
  return zoo._waiting[network.name];
};

zoo._filled = async function (network, buffer) {
  const turn = zoo._turns();
  for (const layer of network.layers) {
    await turn();
    for (const key of ["weight", "bias", "codes"]) if (layer[key]) layer[key] = zoo._numbers(layer[key], buffer);
    if (layer.type === "TableConv2d") zoo._dense(layer);
  }
  if (network.mean) network.mean = zoo._numbers(network.mean, buffer).data;
  return network;
};

// Called between steps of long work: the page draws and listens where it has not for a while.
zoo._turns = function () {
  let last = performance.now();
  return async function () {
    if (performance.now() - last < 30) return;
    await new Promise((resolve) => setTimeout(resolve));
    last = performance.now();
  };
};

zoo.script = function (address) {
  return new Promise(function (resolve, reject) {
    const element = document.createElement("script");
    element.src = address;
    element.onload = resolve;
    element.onerror = () => reject(new Error(address + " is missing beside this page"));
    document.head.append(element);
  });
};

zoo._numbers = function (said, buffer) {
  const length = said.shape.reduce((a, b) => a * b, 1);
  const kinds = { f32: Float32Array, f16: Uint16Array, i8: Int8Array };
  // Of a block that is too short there is no such part, whatever length is said.
  const stored = new kinds[said.kind](buffer, said.at, length);
  const data = new Float32Array(length);
  if (said.kind === "f32") {
    data.set(stored);
  } else if (said.kind === "f16") {
    for (let n = 0; n < length; n++) data[n] = zoo._wide(stored[n]);
  } else {
    const scales = zoo._numbers(said.scale, buffer).data;
    for (let row = 0, n = 0; row < said.shape[0]; row++) {
      for (const end = (length / said.shape[0]) * (row + 1); n < end; n++) data[n] = stored[n] * scales[row];
    }
  }
  return { shape: said.shape, data: data };
};

zoo._wide = function (half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
};

// LeNet-5's C3: a convolution with zeros where there is no connection.
zoo._dense = function (layer) {
  const [, size] = layer.weight.shape;
  const inputs = 1 + Math.max(...layer.pairs.map((pair) => pair[1]));
  const area = size * size;
  const data = new Float32Array(layer.maps * inputs * area);
  layer.pairs.forEach(function ([output, input], n) {
    data.set(layer.weight.data.subarray(n * area, (n + 1) * area), (output * inputs + input) * area);
  });
  Object.assign(layer, { type: "Conv2d", pad: 0, groups: 1, weight: { shape: [layer.maps, inputs, size, size], data } });
};

// Pixels of 0..255, channels first, of the size that the data set has, to what the network takes.
zoo.prepared = function (network, pixels) {
  const [channels, height, width] = network.stored;
  const [, rows, columns] = network.input;
  const { pad, factor, offset, mean } = network;
  const placedHeight = height + 2 * pad;
  const top = Math.floor((placedHeight - rows) / 2);
  const left = Math.floor((width + 2 * pad - columns) / 2);
  const data = new Float32Array(channels * rows * columns);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const row = y + top - pad, column = x + left - pad;
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        const place = (c * height + row) * width + column;
        const value = inside ? pixels[place] : 0;
        data[(c * rows + y) * columns + x] = value * factor[c] + offset[c] - (mean ? mean[place] : 0);
      }
    }
  }
  return { shape: [channels, rows, columns], data: data };
};

// What each layer gives, the logits last.
zoo.run = function (network, input) {
  let x = input;
  return network.layers.map((layer) => (x = zoo._given(layer, x)));
};

// The same of a large network, with turns for the page; nothing as soon as it is not ``wanted`` any more.
zoo.runInTurns = async function (network, input, wanted) {
  const turn = zoo._turns(), given = [];
  for (const layer of network.layers) {
    await turn();
    if (!wanted()) return null;
    given.push(zoo._given(layer, given.length ? given[given.length - 1] : input));
  }
  return given;
};

zoo._given = function (layer, x) {
  const { shape, data } = zoo.layers[layer.type](layer, x);
  return { name: layer.name, type: layer.type, shape, data };
};

zoo.logits = function (network, pixels) {
  const given = zoo.run(network, zoo.prepared(network, pixels));
  return given[given.length - 1].data;
};

zoo.softmax = function (logits) {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / total);
};

zoo._each = (x, f) => ({ shape: x.shape, data: x.data.map(f) });

// The side after a window has moved over it; with "ceil" the last window may reach over the edge.
zoo._moved = function (length, layer) {
  let count = Math[layer.ceil ? "ceil" : "floor"]((length - layer.size) / layer.stride) + 1;
  if (layer.ceil && (count - 1) * layer.stride >= length) count -= 1;
  return count;
};

zoo._pooled = function (layer, x, start, add, end) {
  const [maps, height, width] = x.shape;
  const rows = zoo._moved(height, layer), columns = zoo._moved(width, layer);
  const data = new Float32Array(maps * rows * columns);
  for (let m = 0, to = 0; m < maps; m++) {
    for (let y = 0; y < rows; y++) {
      for (let column = 0; column < columns; column++, to++) {
        const bottom = Math.min(y * layer.stride + layer.size, height);
        const right = Math.min(column * layer.stride + layer.size, width);
        let value = start, count = 0;
        for (let i = y * layer.stride; i < bottom; i++) {
          for (let j = column * layer.stride; j < right; j++, count++) {
            value = add(value, x.data[(m * height + i) * width + j]);
          }
        }
        data[to] = end(value, count);
      }
    }
  }
  return { shape: [maps, rows, columns], data: data };
};

zoo._padded = function (x, pad) {
  if (!pad) return x;
  const [maps, height, width] = x.shape;
  const shape = [maps, height + 2 * pad, width + 2 * pad];
  const data = new Float32Array(shape[0] * shape[1] * shape[2]);
  for (let m = 0; m < maps; m++) {
    for (let y = 0; y < height; y++) {
      const from = (m * height + y) * width;
      data.set(x.data.subarray(from, from + width), (m * shape[1] + y + pad) * shape[2] + pad);
    }
  }
  return { shape: shape, data: data };
};

zoo.layers = {
  Flatten: (layer, x) => ({ shape: [x.data.length], data: x.data }),
  ReLU: (layer, x) => zoo._each(x, (value) => (value > 0 ? value : 0)),
  ScaledTanh: (layer, x) => zoo._each(x, (value) => 1.7159 * Math.tanh((value * 2) / 3)),
  Negative: (layer, x) => zoo._each(x, (value) => -value / layer.scale),
  UnscaledDropout: (layer, x) => zoo._each(x, (value) => value * layer.factor),
  MaxPool2d: (layer, x) => zoo._pooled(layer, x, -Infinity, Math.max, (value) => value),
  AvgPool2d: (layer, x) => zoo._pooled(layer, x, 0, (a, b) => a + b, (value, count) => value / count),

  Linear(layer, x) {
    const [outputs, inputs] = layer.weight.shape;
    const weight = layer.weight.data;
    const data = new Float32Array(outputs);
    for (let o = 0, at = 0; o < outputs; o++) {
      let sum = layer.bias.data[o];
      for (let i = 0; i < inputs; i++, at++) sum += weight[at] * x.data[i];
      data[o] = sum;
    }
    return { shape: [outputs], data: data };
  },

  // Each place's window is laid out once, and four filters at a time go along it: what is fetched is used four times.
  Conv2d(layer, x) {
    const [outputs, inputs, size] = layer.weight.shape;
    const padded = zoo._padded(x, layer.pad);
    const [, height, width] = padded.shape;
    const rows = height - size + 1, columns = width - size + 1;
    const area = rows * columns, length = inputs * size * size, inGroup = outputs / layer.groups;
    const weight = layer.weight.data, bias = layer.bias.data;
    const data = new Float32Array(outputs * area), window = new Float32Array(length);
    for (let group = 0; group < layer.groups; group++) {
      for (let to = 0; to < area; to++) {
        const row = Math.floor(to / columns), column = to % columns;
        for (let i = 0, at = 0; i < inputs; i++) {
          for (let ky = 0; ky < size; ky++) {
            const from = ((group * inputs + i) * height + row + ky) * width + column;
            for (let kx = 0; kx < size; kx++, at++) window[at] = padded.data[from + kx];
          }
        }
        const end = (group + 1) * inGroup;
        for (let a = end - inGroup; a < end; a += 4) {
          // Of fewer than four the last is taken again.
          const b = Math.min(a + 1, end - 1), c = Math.min(a + 2, end - 1), d = Math.min(a + 3, end - 1);
          let ofA = bias[a], ofB = bias[b], ofC = bias[c], ofD = bias[d];
          let inA = a * length, inB = b * length, inC = c * length, inD = d * length;
          for (let at = 0; at < length; at++, inA++, inB++, inC++, inD++) {
            const value = window[at];
            ofA += value * weight[inA];
            ofB += value * weight[inB];
            ofC += value * weight[inC];
            ofD += value * weight[inD];
          }
          data[a * area + to] = ofA;
          data[b * area + to] = ofB;
          data[c * area + to] = ofC;
          data[d * area + to] = ofD;
        }
      }
    }
    return { shape: [outputs, rows, columns], data: data };
  },

  // Filters of its own at every place: weight (rows, columns, outputs, inputs, size, size), bias (outputs, rows, columns).
  Local2d(layer, x) {
    const [rows, columns, outputs, inputs, size] = layer.weight.shape;
    const padded = zoo._padded(x, layer.pad);
    const [, height, width] = padded.shape;
    const data = new Float32Array(outputs * rows * columns);
    for (let y = 0, at = 0; y < rows; y++) {
      for (let column = 0; column < columns; column++) {
        for (let o = 0; o < outputs; o++) {
          const to = (o * rows + y) * columns + column;
          let sum = layer.bias.data[to];
          for (let i = 0; i < inputs; i++) {
            for (let ky = 0; ky < size; ky++) {
              const from = (i * height + y + ky) * width + column;
              for (let kx = 0; kx < size; kx++, at++) sum += layer.weight.data[at] * padded.data[from + kx];
            }
          }
          data[to] = sum;
        }
      }
    }
    return { shape: [outputs, rows, columns], data: data };
  },

  Subsampling(layer, x) {
    const summed = zoo._pooled({ size: 2, stride: 2 }, x, 0, (a, b) => a + b, (value) => value);
    const area = summed.shape[1] * summed.shape[2];
    summed.data = summed.data.map(function (value, n) {
      const map = Math.floor(n / area);
      return value * layer.weight.data[map] + layer.bias.data[map];
    });
    return summed;
  },

  BatchNorm2d(layer, x) {
    const area = x.shape[1] * x.shape[2];
    const { weight, bias } = layer;
    const data = x.data.map((value, n) => value * weight.data[Math.floor(n / area)] + bias.data[Math.floor(n / area)]);
    return { shape: x.shape, data: data };
  },

  RBF(layer, x) {
    const [classes, features] = layer.codes.shape;
    const data = new Float32Array(classes);
    for (let c = 0; c < classes; c++) {
      let sum = 0;
      for (let f = 0; f < features; f++) sum += (x.data[f] - layer.codes.data[c * features + f]) ** 2;
      data[c] = sum;
    }
    return { shape: [classes], data: data };
  },

  ResponseNorm(layer, x) {
    const [maps, height, width] = x.shape;
    const area = height * width, inGroup = maps / layer.groups;
    const before = Math.floor(layer.size / 2), after = layer.size - 1 - before;
    const data = new Float32Array(x.data.length);
    for (let m = 0; m < maps; m++) {
      const group = Math.floor(m / inGroup) * inGroup;
      const first = Math.max(group, m - before), last = Math.min(group + inGroup - 1, m + after);
      for (let p = 0; p < area; p++) {
        let sum = 0;
        for (let other = first; other <= last; other++) sum += x.data[other * area + p] ** 2;
        data[m * area + p] = x.data[m * area + p] * (layer.k + layer.alpha * sum) ** -layer.beta;
      }
    }
    return { shape: x.shape, data: data };
  },

  SameMapNorm(layer, x) {
    const [maps, height, width] = x.shape;
    const reach = Math.floor(layer.size / 2);
    const data = new Float32Array(x.data.length);
    for (let m = 0, to = 0; m < maps; m++) {
      for (let y = 0; y < height; y++) {
        for (let column = 0; column < width; column++, to++) {
          let sum = 0;
          for (let i = Math.max(0, y - reach); i <= Math.min(height - 1, y + reach); i++) {
            for (let j = Math.max(0, column - reach); j <= Math.min(width - 1, column + reach); j++) {
              sum += x.data[(m * height + i) * width + j] ** 2;
            }
          }
          data[to] = x.data[to] * (layer.k + layer.alpha * sum) ** -layer.beta;
        }
      }
    }
    return { shape: x.shape, data: data };
  },
};
