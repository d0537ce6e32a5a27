// Movies that a person has not watched yet, from a bundle of movierec, in a browser or in Node.
//
// The arithmetic is ONNX and the numbers are safetensors, so ONNX Runtime is all that this needs:
//
//     const recommender = await Recommender.load(ort, read);  // ort: the module of onnxruntime-web or onnxruntime-node
//     await recommender.recommend([[260, 5], [1196, null]]);  // [movie id, rating or null], oldest first
//
// `read` takes the name of a file of the bundle and gives its bytes. Answers are those of movierec.serve.recommender in Python.

const FORMAT = 2;
const BATCH = 64;

const ARRAYS = {F32: Float32Array, F16: Uint16Array, I64: BigInt64Array, I32: Int32Array, U16: Uint16Array, I8: Int8Array, BOOL: Uint8Array};
const TYPES = {F32: "float32", I64: "int64", I32: "int32", BOOL: "bool"};  // as ONNX Runtime calls them

// A file of safetensors: the length of a JSON header, the header, raw numbers -> {name: {dtype, dims, data}}
export function parseSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const {__metadata__, ...header} = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  return Object.fromEntries(Object.entries(header).map(([name, {dtype, shape, data_offsets: ends}]) => {
    if (!(dtype in ARRAYS)) throw new Error(`table ${name} holds ${dtype}: only ${Object.keys(ARRAYS).join(", ")} are read`);
    const [start, end] = ends.map(offset => 8 + length + offset);
    return [name, {dtype, dims: shape, data: new ARRAYS[dtype](buffer.slice(start, end))}];
  }));
}

function fromHalf(bits) {  // the number that 16 bits stand for
  const sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
}

// Tables as they are fed to the network: those that a small bundle has quantised are whole again
function wholeNumbers(tables) {
  const half = Float32Array.from({length: 2 ** 16}, (_, bits) => fromHalf(bits));
  const whole = (name, {dtype, dims, data}) => {
    const scale = tables[`${name}.scale`];
    const scaleOf = place => scale.data[scale.dims[0] === 1 ? place % dims[1] : Math.floor(place / dims[1])];
    if (scale) return {dtype: "F32", dims, data: new Float32Array(data).map((value, place) => value * scaleOf(place))};
    if (dtype === "F16") return {dtype: "F32", dims, data: new Float32Array(data).map(bits => half[bits])};
    if (dtype === "U16") return {dtype: "I32", dims, data: new Int32Array(data)};
    return {dtype, dims, data};
  };
  return Object.entries(tables).filter(([name]) => !name.endsWith(".scale")).map(([name, table]) => [name, whole(name, table)]);
}

function checkManifest({format, format_version: version, inputs, model}) {
  if (format !== "movierec-bundle") throw new Error("this is not the manifest of a movierec bundle: make one with `movierec export`");
  if (version !== FORMAT) throw new Error(`the bundle has format ${version}, and only ${FORMAT} is read here: export it again, or take a newer recommender.js`);
  if (!("history" in inputs)) throw new Error(`${model} knows people by their number alone: train with model=history`);
}

async function verify(name, bytes, {files}) {  // browsers offer checksums to https and to localhost alone
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== files[name]) throw new Error(`${name} is not what the manifest says, it was altered or cut off: export the bundle again`);
}

export class Recommender {
  static async load(ort, read) {
    const bytes = async name => new Uint8Array(await read(name));
    const manifest = JSON.parse(new TextDecoder().decode(await bytes("manifest.json")));
    checkManifest(manifest);
    const files = ["recommender.onnx", "tables.safetensors"];
    const [network, numbers] = await Promise.all(files.map(bytes));
    await Promise.all([verify(files[0], network, manifest), verify(files[1], numbers, manifest)]);
    return new Recommender(ort, await ort.InferenceSession.create(network), wholeNumbers(parseSafetensors(numbers.buffer)), manifest);
  }

  constructor(ort, session, tables, manifest) {
    const data = Object.fromEntries(tables.map(([name, table]) => [name, table.data]));
    Object.assign(this, {ort, session, manifest, prior: data.prior, hidden: data.hidden});
    this.tables = Object.fromEntries(tables.map(([name, {dtype, dims, data}]) => [name, new ort.Tensor(TYPES[dtype], data, dims)]));
    this.ids = Array.from(data.ids, Number).slice(0, -2);             // of each row, without two fillers:
    [this.filler, this.unknown] = [this.ids.length, this.ids.length + 1];  // no movie, and a movie of which nothing is known
    this.rows = new Map(this.ids.map((id, row) => [id, row]));
  }

  // The best k movies -> [{movie_id, score}], best first
  async recommend(history, k = 10) {
    if (!Number.isInteger(k) || k < 0) throw new Error(`k must be a whole number from 0 on, not ${k}`);
    const watched = this.#watched(history);
    const [answer] = await this.#ask([this.#latest(watched)], watched.map(([row]) => row), Math.min(k, this.ids.length), new Float32Array(this.ids.length + 2));
    return answer;
  }

  // What each watched movie adds to the scores of these movies -> [{movie_id, prior, score, reasons: [{watched_id, contribution}]}], strongest reason first.
  // It is scored alone in its place, and all others are unknown movies; with the prior, the parts add up to the score.
  async explain(history, movieIds) {
    const targets = movieIds.map(id => this.#target(id));
    const latest = this.#latest(this.#watched(history));
    const alone = latest.map((_, place) => latest.map(([row, stars], other) => [other === place ? row : this.unknown, stars]));
    const [gain, ...parts] = await this.#gains([latest, ...alone], targets);
    return movieIds.map((movie_id, target) => {
      const prior = this.prior[targets[target]];
      const reasons = latest.map(([row], place) => ({watched_id: this.ids[row], contribution: parts[place][target]}));
      return {movie_id, prior, score: prior + gain[target], reasons: reasons.sort((a, b) => b.contribution - a.contribution)};
    });
  }

  #watched(history) {  // -> [[row, rating]], latest first; a movie watched again counts as watched now, and 0 is an unknown rating
    const known = new Map(), unknown = [];
    for (const [id, stars] of history) {
      if (stars !== null && !(stars >= 0.5 && stars <= 5)) throw new Error(`movie ${id} has ${stars} stars: give a number from 0.5 to 5, or null where unknown`);
      const row = this.rows.get(id);
      known.delete(row);
      if (row === undefined) unknown.push(id);
      else known.set(row, stars ?? 0);
    }
    if (unknown.length && !known.size) throw new Error(`this bundle knows none of the ${unknown.length} movies of the history, such as ${unknown[0]}: give MovieLens ids`);
    if (unknown.length) console.warn(`${unknown.length} watched movies are unknown to this bundle, such as ${unknown[0]}: ignored`);
    return [...known].reverse();
  }

  #latest(watched) { return watched.slice(0, this.manifest.remembered); }

  #target(id) {  // its row
    const row = this.rows.get(id);
    if (row === undefined || this.hidden[row]) throw new Error(`movie ${id} is none that this bundle recommends: explain those that \`recommend\` answers`);
    return row;
  }

  async #gains(histories, targets) {  // scores beyond the prior, [history][target]
    const offset = new Float32Array(this.ids.length + 2).fill(-Infinity), gains = [];
    for (const row of targets) offset[row] = -this.prior[row];
    for (let start = 0; start < histories.length; start += BATCH) {
      for (const answer of await this.#ask(histories.slice(start, start + BATCH), [], targets.length, offset)) {
        const score = new Map(answer.map(({movie_id, score}) => [movie_id, score]));
        gains.push(targets.map(row => score.get(this.ids[row])));
      }
    }
    return gains;
  }

  // One run of the network, with histories of equal length -> [{movie_id, score}] for each, best first.
  // `watched` are rows that are masked for all of them, and `offset` is added to every score.
  async #ask(histories, watched, k, offset) {
    const n = histories.length, fill = (rows, filler) => rows.length ? rows : [filler];  // an axis of ONNX is never empty
    const seen = histories.flatMap(history => fill(history, [this.filler, 0])), hidden = histories.flatMap(() => fill(watched, this.filler));
    const tensor = (type, data, dims) => new this.ort.Tensor(type, data, dims);
    const {score, movie_id} = await this.session.run({
      ...this.tables,
      history: tensor("int64", BigInt64Array.from(seen, ([row]) => BigInt(row)), [n, seen.length / n]),
      stars: tensor("float32", Float32Array.from(seen, ([, stars]) => stars), [n, seen.length / n]),
      watched: tensor("int64", BigInt64Array.from(hidden, BigInt), [n, hidden.length / n]),
      k: tensor("int64", [BigInt(k)], []), offset: tensor("float32", offset, [offset.length])});
    const found = Array.from(score.data, (score, place) => ({movie_id: Number(movie_id.data[place]), score}));
    return histories.map((_, person) => found.slice(person * k, (person + 1) * k).filter(({movie_id}) => movie_id >= 0));
  }
}
