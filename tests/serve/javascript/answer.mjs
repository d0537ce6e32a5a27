// Answer questions about histories, from a bundle: JSON in, JSON out.
//
//     node answer.mjs FOLDER < questions.json > answers.json
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import * as ort from "onnxruntime-web";
import { Recommender } from "../../../nbs/explorer/recommender.js";

ort.env.wasm.numThreads = 1;
const {k, explained, histories} = JSON.parse(await text(process.stdin));
try {
  const recommender = await Recommender.load(ort, name => readFile(`${process.argv[2]}/${name}`));
  const answers = [];
  for (const history of histories) {
    const best = await recommender.recommend(history, k);
    answers.push({best, why: await recommender.explain(history, best.slice(0, explained).map(({movie_id}) => movie_id))});
  }
  console.log(JSON.stringify({answers}));
} catch (error) {
  console.log(JSON.stringify({error: error.message}));
}
