// The explorer's page: search titles, choose and rate movies, and see ten others with reasons, changing at once.
import { Recommender } from "./recommender.js";

const K = 10, HITS = 6, REASONS = 2;
const STARS = [5, 4.5, 4, 3.5, 3, 2.5, 2, 1.5, 1, 0.5];

const PAGE = `
<section aria-labelledby="explorer-chosen">
  <label for="explorer-search">Search a movie that you have watched</label>
  <input id="explorer-search" type="search" autocomplete="off" placeholder="Title or year">
  <ul id="explorer-hits" aria-label="Movies to choose"></ul>
  <h3 id="explorer-chosen" tabindex="-1">You have watched</h3>
  <ol id="explorer-watched"></ol>
</section>
<section aria-labelledby="explorer-next">
  <h3 id="explorer-next">What to watch next</h3>
  <p role="status"></p>
  <ol id="explorer-answers"></ol>
</section>`;

const box = document.getElementById("explorer");

async function bytes(name) {  // of a file next to this script; those that end in .gz are unpacked
  const file = await fetch(new URL(name, import.meta.url), {cache: "no-cache"});  // asks whether the file is new, so that old and new ones never mix
  if (!file.ok) throw new Error(`${name} is not there (${file.status}): \`make docs\` adds it where npm is installed`);
  return new Response(name.endsWith(".gz") ? file.body.pipeThrough(new DecompressionStream("gzip")) : file.body).arrayBuffer();
}

const readBundle = name => bytes(`bundle/${name}${name.endsWith(".safetensors") ? ".gz" : ""}`);

async function open() {  // -> recommender, movies by id
  const [movies, wasm] = await Promise.all([bytes("movies.json"), bytes("onnxruntime/ort-wasm-simd-threaded.wasm.gz")]);
  const ort = await import("./onnxruntime/ort.wasm.bundle.min.mjs");
  Object.assign(ort.env.wasm, {wasmBinary: wasm, numThreads: 1});
  const rows = JSON.parse(new TextDecoder().decode(movies));
  return [await Recommender.load(ort, readBundle), new Map(rows.map(movie => [movie.movie_id, movie]))];
}

function element(tag, attributes = {}, ...children) {  // text is never read as HTML
  const made = Object.assign(document.createElement(tag), attributes);
  for (const [name, value] of Object.entries(attributes)) if (name.includes("-")) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const named = movie => movie.title ?? `Movie ${movie.movie_id}`;
const plain = text => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function start(recommender, movies) {
  box.innerHTML = PAGE;
  const [search, hits, heading, watchedList, answers] = ["search", "hits", "chosen", "watched", "answers"].map(name => document.getElementById(`explorer-${name}`));
  const status = box.querySelector("[role=status]");
  const watched = new Map();  // movie id -> rating or null, oldest first
  const popular = [...movies.values()].filter(movie => movie.title).sort((a, b) => b.ratings - a.ratings);
  const searched = new Map(popular.map(movie => [movie, plain(`${movie.title} ${movie.year ?? ""}`)]));

  function showHits() {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    const found = popular.filter(movie => !watched.has(movie.movie_id) && words.every(word => searched.get(movie).includes(word)));
    hits.replaceChildren(...found.slice(0, HITS).map(movie => element("li", {}, element("button", {type: "button", onclick: () => choose(movie)},
      `${named(movie)} `, element("small", {}, String(movie.year ?? ""))))));
    if (!found.length) hits.replaceChildren(element("li", {}, "No movie of the sample is called so."));
  }

  function choose(movie) {
    watched.set(movie.movie_id, null);
    const row = element("li", {}, element("span", {}, `${named(movie)} `, element("small", {}, String(movie.year ?? ""))),
      stars(movie), element("button", {type: "button", "aria-label": `Remove ${named(movie)}`, onclick: () => remove(movie, row)}, "×"));
    watchedList.prepend(row);
    search.value = "";
    search.focus();
    changed();
  }

  function stars(movie) {
    const choices = [element("option", {value: ""}, "unrated"), ...STARS.map(value => element("option", {value}, `${value} ★`))];
    const rate = event => { watched.set(movie.movie_id, Number(event.target.value) || null); changed(); };
    return element("select", {"aria-label": `Stars for ${named(movie)}`, onchange: rate}, ...choices);
  }

  function remove(movie, row) {
    watched.delete(movie.movie_id);
    row.remove();
    heading.focus();
    changed();
  }

  let changes = 0, working = Promise.resolve();
  function changed() {  // answers come one after the other, and those that are outdated are left out
    const mine = ++changes;
    showHits();
    working = working.then(() => mine === changes && answer()).catch(fail);
  }

  async function answer() {
    const began = performance.now(), history = [...watched];
    const found = await recommender.recommend(history, K);
    const why = await recommender.explain(history, found.map(({movie_id}) => movie_id));
    const time = Math.max(1, Math.round(performance.now() - began));
    status.textContent = history.length ? `${found.length} movies for the ${history.length} that you chose, answered here in ${time} ms.` : "What is popular, until you choose.";
    const scores = found.map(({score}) => score), least = Math.min(...scores), range = Math.max(...scores) - least || 1;
    answers.replaceChildren(...why.map(reason => answerRow(reason, (reason.score - least) / range)));
  }

  function answerRow({movie_id, score, reasons}, share) {
    const movie = movies.get(movie_id), because = reasons.filter(({contribution}) => contribution > 0).slice(0, REASONS)
      .map(({watched_id, contribution}) => `${named(movies.get(watched_id))} (+${contribution.toFixed(1)})`);
    const bar = element("span", {className: "bar", "aria-hidden": "true"});
    bar.style.setProperty("--share", share);
    return element("li", {}, element("strong", {}, named(movie)), element("small", {}, [movie.year, ...movie.genres].filter(Boolean).join(" · ")),
      element("span", {className: "score"}, bar, element("small", {}, `score ${score.toFixed(1)}`)),
      because.length ? element("small", {className: "reason"}, `you watched ${because.join(" and ")}`) : "",
      element("button", {type: "button", "aria-label": `I have watched ${named(movie)}`, onclick: () => choose(movie)}, "seen"));
  }

  search.oninput = showHits;
  search.onkeydown = event => { if (event.key === "Enter" && search.value) hits.querySelector("button")?.click(); };
  changed();
}

function fail(error) {
  box.replaceChildren(element("p", {role: "alert"}, `The explorer cannot work here: ${error.message}`));
  console.error(error);
}

open().then(opened => start(...opened)).catch(fail);
