// OpenAI's own Node SDK against the demo vendor: whatever the SDK can do, it must not notice that a gateway answers.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, describe, test } from "node:test";
import OpenAI from "openai";
import { within } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { closedPort, FakeUpstream, wellBehaved } from "./support/upstream.mjs";

const hello = [{ role: "user", content: "Hello there" }];
const reply = 'You said: "Hello there".';
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" }, unit: { enum: ["C", "F"] } },
      required: ["city", "days", "unit"],
      additionalProperties: false,
    },
  },
};

const sdk = (gateway, options = {}) => new OpenAI({ baseURL: gateway.baseURL, apiKey: "none", maxRetries: 0, timeout: 20_000, ...options });
const faulty = (text) => ({ headers: { "x-tollgate-demo": text } });

// Tests that need no configuration of their own share one.
const shared = await Gateway.start({ after }, { providers: { default: "demo", demo: {} } });
async function start(t, config) {
  const gateway = config ? await Gateway.start(t, config) : shared;
  return { gateway, client: sdk(gateway) };
}
async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
const text = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
/// The error that `call` throws.
async function failure(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "the call should have failed" });
}

describe("chat through the SDK", () => {
  test("answers by provider/model and by the bare id of the default provider", async (t) => {
    const { client } = await start(t);
    for (const model of ["demo/demo-1", "demo-1", "demo"]) {
      const answer = await client.chat.completions.create({ model, messages: hello });
      assert.equal(answer.object, "chat.completion");
      assert.equal(answer.choices[0].message.content, reply);
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
      assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0);
    }
  });

  test("streams the same text that it answers whole, ends it with a finish reason, and does not mention usage", async (t) => {
    const { client } = await start(t);
    const chunks = await collect(await client.chat.completions.create({ model: "demo-1", messages: hello, stream: true }));
    assert.equal(text(chunks), reply);
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
    assert.ok(chunks.length > 3);
    assert.ok(chunks.every((chunk) => !chunk.usage && chunk.choices.length === 1));
    assert.ok(chunks.every((chunk) => chunk.id === chunks[0].id));
  });

  test("sends one last usage chunk when include_usage asks for it", async (t) => {
    const { client } = await start(t);
    const whole = await client.chat.completions.create({ model: "demo-1", messages: hello });
    const chunks = await collect(await client.chat.completions.create({
      model: "demo-1", messages: hello, stream: true, stream_options: { include_usage: true } }));
    const last = chunks.pop();
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
    assert.ok(last.usage.prompt_tokens > 0);
    assert.ok(chunks.every((chunk) => !chunk.usage));
  });

  test("honours n, max_tokens and stop", async (t) => {
    const { client } = await start(t);
    const two = await client.chat.completions.create({ model: "demo-1", messages: hello, n: 2 });
    assert.deepEqual(two.choices.map((choice) => choice.index), [0, 1]);
    const short = await client.chat.completions.create({ model: "demo-1", messages: hello, max_tokens: 1 });
    assert.equal(short.choices[0].finish_reason, "length");
    const stopped = await client.chat.completions.create({ model: "demo-1", messages: hello, stop: " there" });
    assert.equal(stopped.choices[0].message.content, 'You said: "Hello');
  });

  test("streams reasoning before the text", async (t) => {
    const { client } = await start(t);
    const chunks = await collect(await client.chat.completions.create({ model: "demo/demo-reasoner", messages: hello, stream: true }));
    const kinds = chunks.map(({ choices: [{ delta }] }) => ("reasoning_content" in delta ? "r" : delta.content ? "c" : "")).join("");
    assert.match(kinds, /^r+c+$/);
  });

  test("reads parts of a message, images as data and as URLs", async (t) => {
    const { client } = await start(t);
    const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    const answer = await client.chat.completions.create({
      model: "demo-1",
      messages: [{ role: "user", content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${pixel}` } },
        { type: "image_url", image_url: { url: "https://images.example/cat.png", detail: "low" } },
      ] }],
    });
    assert.match(answer.choices[0].message.content, /What is this\?.*2 images: image\/png of 70 bytes and /);
  });
});

describe("tools and structure through the SDK", () => {
  test("calls a tool with arguments that parse, and quotes the tool's result afterwards", async (t) => {
    const { client } = await start(t);
    const messages = [{ role: "user", content: "please call get_weather" }];
    const first = await client.chat.completions.create({ model: "demo-1", messages, tools: [weather] });
    const [choice] = first.choices;
    assert.equal(choice.finish_reason, "tool_calls");
    const [call] = choice.message.tool_calls;
    assert.equal(call.function.name, "get_weather");
    const given = JSON.parse(call.function.arguments);
    assert.equal(typeof given.city, "string");
    assert.ok(Number.isInteger(given.days) && ["C", "F"].includes(given.unit));
    const second = await client.chat.completions.create({
      model: "demo-1", tools: [weather],
      messages: [...messages, choice.message, { role: "tool", tool_call_id: call.id, content: "sunny, 21 C" }] });
    assert.match(second.choices[0].message.content, /sunny, 21 C/);
  });

  test("streams the arguments of parallel calls in pieces that belong to their index", async (t) => {
    const { client } = await start(t);
    const other = { type: "function", function: { name: "get_time", parameters: { type: "object", properties: { zone: { type: "string" } }, required: ["zone"] } } };
    const chunks = await collect(await client.chat.completions.create({
      model: "demo-1", stream: true, tools: [weather, other],
      messages: [{ role: "user", content: "please call both" }] }));
    const calls = [];
    for (const { choices: [{ delta }] } of chunks) {
      for (const piece of delta.tool_calls ?? []) {
        const call = (calls[piece.index] ??= { name: "", text: "", ids: 0 });
        call.name += piece.function.name ?? "";
        call.text += piece.function.arguments ?? "";
        call.ids += piece.id ? 1 : 0;
      }
    }
    assert.deepEqual(calls.map((call) => call.name), ["get_weather", "get_time"]);
    assert.ok(calls.every((call) => call.ids === 1 && typeof JSON.parse(call.text) === "object"));
    assert.equal(chunks.at(-1).choices[0].finish_reason, "tool_calls");
  });

  test("the SDK's stream runner assembles the same message", async (t) => {
    const { client } = await start(t);
    const messages = [{ role: "user", content: "please call get_weather" }];
    const runner = client.chat.completions.stream({ model: "demo-1", messages, tools: [weather] });
    const final = await runner.finalChatCompletion();
    assert.equal(final.choices[0].message.tool_calls[0].function.name, "get_weather");
    assert.ok("city" in JSON.parse(final.choices[0].message.tool_calls[0].function.arguments));
  });

  test("keeps to a JSON schema, whole, parsed by the SDK, and streamed", async (t) => {
    const { client } = await start(t);
    const schema = {
      type: "object",
      properties: { name: { type: "string" }, age: { type: "integer", minimum: 1 }, tags: { type: "array", items: { enum: ["a", "b"] }, minItems: 1 } },
      required: ["name", "age", "tags"],
      additionalProperties: false,
    };
    const response_format = { type: "json_schema", json_schema: { name: "person", strict: true, schema } };
    const check = (person) => {
      assert.deepEqual(Object.keys(person).sort(), ["age", "name", "tags"]);
      assert.ok(Number.isInteger(person.age) && person.age >= 1 && person.tags.every((tag) => ["a", "b"].includes(tag)));
    };
    const asked = { model: "demo-1", messages: hello, response_format };
    check(JSON.parse((await client.chat.completions.create(asked)).choices[0].message.content));
    const parsed = await client.chat.completions.parse(asked);
    check(JSON.parse(parsed.choices[0].message.content));
    check(JSON.parse(text(await collect(await client.chat.completions.create({ ...asked, stream: true })))));
  });
});

describe("the other endpoints through the SDK", () => {
  test("makes embeddings that are the same as floats and as base64", async (t) => {
    const { client } = await start(t);
    const asked = { model: "demo/demo-embed", input: ["one", "two"], dimensions: 8 };
    const floats = await client.embeddings.create({ ...asked, encoding_format: "float" });
    const packed = await client.embeddings.create({ ...asked, encoding_format: "base64" });
    const byDefault = await client.embeddings.create(asked); // the SDK asks for base64 and unpacks it
    assert.equal(floats.data.length, 2);
    floats.data.forEach((item, i) => {
      assert.equal(item.index, i);
      assert.equal(item.embedding.length, 8);
      const bytes = Buffer.from(packed.data[i].embedding, "base64");
      for (let j = 0; j < 8; ++j) {
        assert.ok(Math.abs(item.embedding[j] - bytes.readFloatLE(4 * j)) < 1e-6);
        assert.ok(Math.abs(item.embedding[j] - byDefault.data[i].embedding[j]) < 1e-6);
      }
    });
    assert.ok(floats.usage.prompt_tokens > 0);
    assert.notDeepEqual(floats.data[0].embedding, floats.data[1].embedding);
  });

  test("lists and retrieves models, aliases included", async (t) => {
    const { client } = await start(t, { providers: { demo: {} }, models: { smart: { chain: ["demo/demo-1"] } } });
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    for (const id of ["smart", "demo/demo-1", "demo/demo-embed"]) {
      assert.ok(ids.includes(id), `${id} in ${ids}`);
      assert.equal((await client.models.retrieve(id)).id, id);
    }
    const missing = await failure(() => client.models.retrieve("nope"));
    assert.ok(missing instanceof OpenAI.NotFoundError);
    assert.equal(missing.code, "model_not_found");
  });

  test("completes prompts, whole and streamed", async (t) => {
    const { client } = await start(t);
    const whole = await client.completions.create({ model: "demo-1", prompt: "Once" });
    assert.equal(whole.object, "text_completion");
    assert.match(whole.choices[0].text, /Once/);
    const chunks = await collect(await client.completions.create({ model: "demo-1", prompt: "Once", stream: true }));
    assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(""), whole.choices[0].text);
  });
});

describe("errors as the SDK's classes", () => {
  const key = "tg-search-team-key-1";
  const keys = [
    { name: "search", hash: `sha256:${createHash("sha256").update(key).digest("hex")}`, models: ["demo/demo-1"] },
  ];

  test("BadRequestError names what is wrong with the request", async (t) => {
    const { client } = await start(t);
    const wrong = [
      { body: { model: "demo-1" }, param: "messages" },
      { body: { model: "demo-1", messages: "hello" }, param: "messages" },
      { body: { model: "demo-1", messages: [] }, param: "messages" },
      { body: { messages: hello }, param: "model" },
      { body: { model: 7, messages: hello }, param: "model" },
      { body: { model: "demo-1", messages: hello, stream: "yes" }, param: "stream" },
      { body: { model: "demo-1", messages: hello, n: 1e9 }, param: "n" },
    ];
    for (const { body, param } of wrong) {
      const error = await failure(() => client.chat.completions.create(body));
      assert.ok(error instanceof OpenAI.BadRequestError, `${JSON.stringify(body)}: ${error}`);
      assert.equal(error.type, "invalid_request_error");
      assert.equal(error.param, param, error.message);
    }
  });

  test("AuthenticationError for a missing or unknown key, PermissionDeniedError for a model that the key may not use", async (t) => {
    const { gateway } = await start(t, { providers: { demo: {} }, keys });
    const asked = { model: "demo/demo-1", messages: hello };
    const good = await sdk(gateway, { apiKey: key }).chat.completions.create(asked);
    assert.equal(good.choices[0].message.content, reply);
    const unknown = await failure(() => sdk(gateway, { apiKey: "tg-wrong" }).chat.completions.create(asked));
    assert.ok(unknown instanceof OpenAI.AuthenticationError, String(unknown));
    assert.equal(unknown.code, "invalid_api_key");
    assert.ok(!unknown.message.includes("tg-wrong"));
    const missing = await failure(() => sdk(gateway, { defaultHeaders: { authorization: null } }).chat.completions.create(asked));
    assert.ok(missing instanceof OpenAI.AuthenticationError, String(missing));
    const forbidden = await failure(() => sdk(gateway, { apiKey: key }).chat.completions.create({ ...asked, model: "demo/demo-mini" }));
    assert.ok(forbidden instanceof OpenAI.PermissionDeniedError, String(forbidden));
    assert.match(forbidden.message, /demo-mini/);
  });

  test("the key is found in every header that SDKs use", async (t) => {
    const { gateway } = await start(t, { providers: { demo: {} }, keys });
    for (const headers of [{ authorization: `Bearer ${key}` }, { authorization: `bearer  ${key}` }, { "x-api-key": key }, { "api-key": key }, { "x-goog-api-key": key }]) {
      const response = await gateway.chat({ model: "demo/demo-1" }, headers);
      assert.equal(response.status, 200, `${JSON.stringify(headers)}: ${response.text}`);
    }
  });

  test("NotFoundError for an unknown model and an unknown path", async (t) => {
    const { client } = await start(t);
    const model = await failure(() => client.chat.completions.create({ model: "demo/none", messages: hello }));
    assert.ok(model instanceof OpenAI.NotFoundError, String(model));
    assert.equal(model.code, "model_not_found");
    assert.equal(model.param, "model");
    const path = await failure(() => client.get("/nothing/here"));
    assert.ok(path instanceof OpenAI.NotFoundError, String(path));
    assert.match(path.message, /\/v1\/nothing\/here/);
  });

  test("UnprocessableEntityError keeps a vendor's 422 and its message", async (t) => {
    const upstream = await FakeUpstream.start(t, (incoming) =>
      incoming.reply(422, { error: { message: "logit_bias is too long", type: "invalid_request_error", param: "logit_bias", code: null } }));
    const { client } = await start(t, { providers: { up: compat(upstream) } });
    const error = await failure(() => client.chat.completions.create({ model: "up/m", messages: hello }));
    assert.ok(error instanceof OpenAI.UnprocessableEntityError, String(error));
    assert.match(error.message, /logit_bias is too long/);
    assert.equal(error.param, "logit_bias");
  });

  test("RateLimitError carries the vendor's retry-after", async (t) => {
    const { client } = await start(t, { providers: { default: "demo", demo: {} }, failover: { retries: 0 } });
    const error = await failure(() => client.chat.completions.create({ model: "demo-1", messages: hello }, faulty("fault=rate_limit; retry_after=7s")));
    assert.ok(error instanceof OpenAI.RateLimitError, String(error));
    assert.equal(error.headers.get("retry-after"), "7");
    assert.equal(error.code, "rate_limit_exceeded");
    assert.match(error.message, /demo/);
  });

  test("InternalServerError for trouble of the vendor, naming vendor and attempts", async (t) => {
    const { client } = await start(t, { providers: { default: "demo", demo: {} }, failover: { retries: 1, backoff: { base: "1ms", max: "1ms" } } });
    for (const [fault, status] of [["server_error", 502], ["server_error; status=503", 503], ["reset", 502], ["malformed", 502], ["auth", 502], ["empty", 502]]) {
      const error = await failure(() => client.chat.completions.create({ model: "demo-1", messages: hello }, faulty(`fault=${fault}`)));
      assert.ok(error instanceof OpenAI.InternalServerError, `${fault}: ${error}`);
      assert.equal(error.status, status, fault);
      assert.match(error.message, /demo\/demo-1/);
      assert.ok(error.requestID, "request id");
    }
  });

  test("an error inside a stream that has begun reaches the iterating client as an APIError", async (t) => {
    const { client } = await start(t);
    for (const fault of ["stream_error", "cut"]) {
      const stream = await client.chat.completions.create({ model: "demo-1", messages: hello, stream: true }, faulty(`fault=${fault}; cut_after=2`));
      const seen = [];
      const error = await failure(async () => {
        for await (const chunk of stream) seen.push(chunk);
      });
      assert.equal(seen.length, 2, fault);
      assert.ok(error instanceof OpenAI.APIError, `${fault}: ${error}`);
      assert.match(error.message, /demo/);
    }
  });

  test("APIConnectionError when nothing listens", async () => {
    const client = new OpenAI({ baseURL: `http://127.0.0.1:${await closedPort()}/v1`, apiKey: "none", maxRetries: 0 });
    const error = await failure(() => client.chat.completions.create({ model: "m", messages: hello }));
    assert.ok(error instanceof OpenAI.APIConnectionError);
  });
});

describe("the SDK's patience", () => {
  test("an abort in the middle of a stream frees the gateway", async (t) => {
    const { gateway, client } = await start(t);
    const stream = await client.chat.completions.create(
      { model: "demo-1", messages: hello, stream: true }, { headers: { "x-tollgate-demo": "chunks=10000; chunk_delay=5ms", "x-request-id": "aborted" } });
    let seen = 0;
    for await (const _ of stream) if (++seen === 5) stream.controller.abort();
    assert.equal(seen, 5);
    await gateway.settled();
    assert.equal((await gateway.access("aborted")).outcome, "client_gone");
  });

  test("a client's timeout ends in APIConnectionTimeoutError and frees the gateway", async (t) => {
    const { gateway, client } = await start(t);
    const error = await failure(() => client.chat.completions.create(
      { model: "demo-1", messages: hello }, { ...faulty("fault=stall"), timeout: 300 }));
    assert.ok(error instanceof OpenAI.APIConnectionTimeoutError, String(error));
    await gateway.settled();
  });

  test("x-tollgate-timeout bounds the exchange at the gateway", async (t) => {
    const { client } = await start(t);
    const error = await failure(() => client.chat.completions.create(
      { model: "demo-1", messages: hello }, { headers: { "x-tollgate-demo": "fault=stall", "x-tollgate-timeout": "200ms" } }));
    assert.ok(error instanceof OpenAI.InternalServerError, String(error));
    assert.equal(error.status, 504);
  });

  test("the SDK's own retries heed retry-after and succeed", async (t) => {
    let calls = 0;
    const upstream = await FakeUpstream.start(t, (incoming) => {
      calls += 1;
      return calls <= 2
        ? incoming.reply(429, { error: { message: "slow down", type: "rate_limit_error", code: "rate_limit_exceeded" } }, { "retry-after-ms": "20" })
        : wellBehaved(incoming);
    });
    const { gateway } = await start(t, { providers: { up: compat(upstream) }, failover: { retries: 0 } });
    const client = sdk(gateway, { maxRetries: 2 });
    const answer = await within(client.chat.completions.create({ model: "up/m", messages: hello }), "the retried answer");
    assert.equal(answer.choices[0].message.content, "Hello.");
    assert.equal(calls, 3);
    assert.equal(await gateway.counted("tollgate_requests_total", { endpoint: "chat", status: 429 }), 2);
  });
});

describe("response headers", () => {
  test("tell provider, model, attempts, route, overhead and the request id that was sent", async (t) => {
    const { client } = await start(t, { providers: { default: "demo", demo: {} }, models: { smart: { chain: ["demo/demo-1"] } } });
    const asked = { model: "smart", messages: hello };
    const { response } = await client.chat.completions.create(asked, { headers: { "x-request-id": "my-request.1" } }).withResponse();
    assert.equal(response.headers.get("x-request-id"), "my-request.1");
    assert.equal(response.headers.get("x-tollgate-provider"), "demo");
    assert.equal(response.headers.get("x-tollgate-model"), "demo-1");
    assert.equal(response.headers.get("x-tollgate-attempts"), "1");
    assert.match(response.headers.get("x-tollgate-route"), /alias/);
    assert.match(response.headers.get("x-tollgate-overhead-us"), /^\d+$/);
    const made = (await client.chat.completions.create(asked).withResponse()).response.headers.get("x-request-id");
    assert.match(made, /^[0-9a-f-]{16,}$/);
    const odd = (await client.chat.completions.create(asked, { headers: { "x-request-id": `${"x".repeat(500)}` } }).withResponse()).response;
    assert.notEqual(odd.headers.get("x-request-id"), "x".repeat(500), "an id without bound is replaced");
  });
});
