// What a vendor does not report is counted by the gateway, and said to be an estimate.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Tiktoken } from "js-tiktoken/lite";
import o200k from "js-tiktoken/ranks/o200k_base";
import { Gateway, compat } from "./support/gateway.mjs";
import { Connection, requestBytes } from "./support/http.mjs";
import { delta, event, FakeUpstream } from "./support/upstream.mjs";

const vocabulary = new Tiktoken(o200k);
const tokensOf = (text) => vocabulary.encode(text, [], []).length;
const said = ["The harbour ", "was unbe", "lievably quiet", " that morning."];
const spoken = tokensOf(said.join(""));
const question = "How was the harbour?";
// One message: its frame, its role, its text; and what primes the answer.
const asked = 3 + (3 + 1 + tokensOf(question));
const messages = [{ role: "user", content: question }];

async function stream(incoming, pieces = said) {
  await incoming.stream();
  for (const piece of pieces) await incoming.chunk(event(delta(piece)));
}
const behaviours = {
  silent: async (incoming) => {
    await stream(incoming);
    await incoming.chunk(event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }) + event("[DONE]"));
    await incoming.lastChunk();
  },
  cut: async (incoming) => {
    await stream(incoming);
    incoming.reset();
  },
  held: (incoming) => stream(incoming),
  whole: (incoming) => incoming.reply(200, { choices: [{ index: 0, message: { role: "assistant", content: said.join("") }, finish_reason: "stop" }] }),
  mute: async () => {},
  refused: (incoming) => incoming.reply(400, { error: { message: "no" } }),
  broken: (incoming) => incoming.reset(),
  embeddings: (incoming) => incoming.reply(200, { object: "list", data: [{ index: 0, embedding: [0.5] }] }),
  reporting: async (incoming) => {
    await stream(incoming);
    await incoming.chunk(event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }));
    await incoming.chunk(event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 } }) + event("[DONE]"));
    await incoming.lastChunk();
  },
};
const upstream = await FakeUpstream.start({ after }, (incoming) => behaviours[incoming.headers["x-behaviour"]](incoming));
const providers = Object.fromEntries(Object.keys(behaviours).map((name) =>
  [name, compat(upstream, { headers: { "x-behaviour": name }, timeouts: { first_byte: name === "mute" ? "300ms" : "10s" } })]));
const gateway = await Gateway.start({ after }, { providers: { demo: {}, ...providers }, failover: { retries: 0 } });
const ask = (name, more = {}) => gateway.chat({ model: `${name}/gpt-4o`, messages, ...more });

async function used(provider) {
  const count = (kind, source) => gateway.counted("tollgate_tokens_total", { provider, kind, source });
  return {
    estimate: [await count("input", "estimate"), await count("output", "estimate")],
    vendor: [await count("input", "vendor"), await count("output", "vendor")],
  };
}

describe("tokens that no vendor reported", () => {
  test("of a stream without usage are counted from what was said", async () => {
    await ask("silent", { stream: true });
    assert.deepEqual(await used("silent"), { estimate: [asked, spoken], vendor: [0, 0] });
  });
  test("of a stream that broke off are counted up to there", async () => {
    await ask("cut", { stream: true }).catch(() => {});
    assert.deepEqual(await used("cut"), { estimate: [asked, spoken], vendor: [0, 0] });
  });
  test("of a stream whose client left are counted up to there", async () => {
    const connection = await Connection.open(gateway.port);
    await connection.write(requestBytes({ method: "POST", path: "/v1/chat/completions", body: { model: "held/gpt-4o", stream: true, messages } }));
    await connection.inbox.until("morning.", "all that was said");
    connection.destroy();
    assert.deepEqual(await used("held"), { estimate: [asked, spoken], vendor: [0, 0] });
  });
  test("of a whole answer are counted from its message", async () => {
    await ask("whole");
    assert.deepEqual(await used("whole"), { estimate: [asked, spoken], vendor: [0, 0] });
  });
  test("of work that took too long are those of the prompt", async () => {
    assert.equal((await ask("mute")).status, 504);
    assert.deepEqual(await used("mute"), { estimate: [asked, 0], vendor: [0, 0] });
  });
  test("of embeddings are those of the input", async () => {
    const response = await gateway.post("/v1/embeddings", { model: "embeddings/gpt-4o", input: [question, "and then?"] });
    assert.equal(response.status, 200);
    assert.deepEqual(await used("embeddings"), { estimate: [tokensOf(question) + tokensOf("and then?"), 0], vendor: [0, 0] });
  });
  test("of a long prompt are estimated from its bytes, and its memory is not kept", async () => {
    const long = [{ role: "user", content: `${question} `.repeat(4000) }];
    const before = (await used("silent")).estimate;
    await ask("silent", { stream: true, messages: long });
    const [input] = (await used("silent")).estimate;
    const exact = tokensOf(long[0].content);
    assert.ok(input - before[0] > exact * 0.8 && input - before[0] < exact * 2, `${input - before[0]} for ${exact}`);
  });
  test("are none where the vendor refused, or was never reached", async () => {
    assert.equal((await ask("refused")).status, 400);
    assert.ok((await ask("broken")).status >= 500);
    for (const name of ["refused", "broken"]) assert.deepEqual(await used(name), { estimate: [0, 0], vendor: [0, 0] });
  });
  test("are none where the vendor reported them", async () => {
    await ask("reporting", { stream: true });
    assert.deepEqual(await used("reporting"), { estimate: [0, 0], vendor: [7, 5] });
  });
});
