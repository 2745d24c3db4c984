// OpenAI's SDK in front, each vendor's own protocol behind.  The vendors are fakes that speak just enough of it.
import assert from "node:assert/strict";
import { generateKeyPairSync, createVerify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import OpenAI from "openai";
import { checkSignature, frame } from "./support/aws.mjs";
import { Gateway } from "./support/gateway.mjs";
import { FakeUpstream } from "./support/upstream.mjs";

const lines = (events) => events.map((data) => JSON.stringify(data) + "\n").join("");
const sse = (events) => events.map((data) => `data: ${JSON.stringify(data)}\n\n`).join("");
const named = (events) => events.map((data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`).join("");
const geminiPart = (part, more = {}) => ({ candidates: [{ content: { role: "model", parts: [part] }, index: 0, ...more }], usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 3, totalTokenCount: 12 }, modelVersion: "g", responseId: "r1" });
const cohereDelta = (type, message, more = {}) => ({ type, index: 0, delta: { message }, ...more });

const gemini = {
  whole: geminiPart({ text: "Hello." }, { finishReason: "STOP" }),
  stream: sse([geminiPart({ text: "Hi" }), geminiPart({ functionCall: { name: "get_weather", args: { city: "Oslo" } } }), geminiPart({ text: "" }, { finishReason: "STOP" })]),
  cut: sse([geminiPart({ text: "Hi" })]),
  error: { error: { code: 429, message: "Quota exceeded for metric x", status: "RESOURCE_EXHAUSTED", details: [] } },
  check({ json }) {
    assert.deepEqual(json.systemInstruction.parts, [{ text: "Be brief." }]);
    assert.equal(json.contents[0].role, "user");
    assert.equal(json.contents[0].parts[0].text, "Weather?");
    assert.equal(json.tools[0].functionDeclarations[0].name, "get_weather");
    assert.equal(json.generationConfig.maxOutputTokens, 100);
  },
};

// whole, stream, cut, error: what the vendor answers.  check(incoming): what it must have got.
const vendors = {
  anthropic: {
    provider: (url) => ({ type: "anthropic", base_url: url, api_key: "sk-ant-1" }),
    model: "claude-sonnet-4-5",
    path: () => "/v1/messages",
    auth({ headers }) {
      assert.equal(headers["x-api-key"], "sk-ant-1");
      assert.match(headers["anthropic-version"], /^\d{4}-\d\d-\d\d$/);
      assert.ok(!("authorization" in headers));
    },
    check({ json }, stream) {
      assert.equal(json.model, "claude-sonnet-4-5");
      assert.match(JSON.stringify(json.system), /Be brief\./);
      assert.equal(json.messages.length, 1);
      assert.match(JSON.stringify(json.messages[0]), /Weather\?/);
      assert.deepEqual(json.tools.map((tool) => [tool.name, tool.input_schema.type]), [["get_weather", "object"]]);
      assert.equal(json.max_tokens, 100);
      assert.equal(json.stream ?? false, stream);
    },
    whole: { id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-4-5", content: [{ type: "text", text: "Hello." }], stop_reason: "end_turn", usage: { input_tokens: 5, cache_read_input_tokens: 4, cache_creation_input_tokens: 0, output_tokens: 3 } },
    cached: 4,
    stream: named([
      { type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "c", content: [], usage: { input_tokens: 9, output_tokens: 1 } } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "ping" },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi" } },
      { type: "content_block_stop", index: 0 },
      { type: "content_block_start", index: 1, content_block: { type: "tool_use", id: "toolu_1", name: "get_weather", input: {} } },
      { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"city":' } },
      { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '"Oslo"}' } },
      { type: "content_block_stop", index: 1 },
      { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 3 } },
      { type: "message_stop" },
    ]),
    cut: named([
      { type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "c", content: [], usage: { input_tokens: 9, output_tokens: 1 } } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi" } },
    ]),
    error: { type: "error", error: { type: "rate_limit_error", message: "Quota exceeded for metric x" } },
  },

  gemini: {
    provider: (url) => ({ type: "gemini", base_url: url, api_key: "AIza-1" }),
    model: "gemini-2.5-flash",
    path: (stream) => `/v1beta/models/gemini-2.5-flash:${stream ? "streamGenerateContent" : "generateContent"}`,
    query: "alt=sse",
    auth: ({ headers, target }) => {
      assert.equal(headers["x-goog-api-key"], "AIza-1");
      assert.ok(!target.includes("AIza"), "no key in the address");
    },
    ...gemini,
  },

  bedrock: {
    provider: (url) => ({ type: "bedrock", base_url: url, region: "eu-west-1", aws: { access_key_id: "AKIDEXAMPLE", secret_access_key: "aws-secret-key", session_token: "session-1" } }),
    model: "anthropic.claude-3-haiku-20240307-v1:0",
    path: (stream) => `/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse${stream ? "-stream" : ""}`,
    auth(incoming) {
      const { valid, credential, region, service, signed } = checkSignature(incoming, "aws-secret-key");
      assert.deepEqual({ valid, credential, region, service }, { valid: true, credential: "AKIDEXAMPLE", region: "eu-west-1", service: "bedrock" });
      for (const name of ["host", "x-amz-date", "x-amz-security-token"]) assert.ok(signed.includes(name), `${name} is signed`);
      assert.equal(incoming.headers["x-amz-security-token"], "session-1");
    },
    check({ json }) {
      assert.deepEqual(json.system, [{ text: "Be brief." }]);
      assert.deepEqual(json.messages, [{ role: "user", content: [{ text: "Weather?" }] }]);
      assert.equal(json.toolConfig.tools[0].toolSpec.name, "get_weather");
      assert.equal(json.inferenceConfig.maxTokens, 100);
    },
    whole: { output: { message: { role: "assistant", content: [{ text: "Hello." }] } }, stopReason: "end_turn", usage: { inputTokens: 9, outputTokens: 3, totalTokens: 12 }, metrics: { latencyMs: 1 } },
    type: "application/vnd.amazon.eventstream",
    stream: Buffer.concat([
      frame("messageStart", { role: "assistant", p: "abc" }),
      frame("contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Hi" }, p: "a" }),
      frame("contentBlockStop", { contentBlockIndex: 0 }),
      frame("contentBlockStart", { contentBlockIndex: 1, start: { toolUse: { toolUseId: "tooluse_1", name: "get_weather" } } }),
      frame("contentBlockDelta", { contentBlockIndex: 1, delta: { toolUse: { input: '{"city":' } } }),
      frame("contentBlockDelta", { contentBlockIndex: 1, delta: { toolUse: { input: '"Oslo"}' } } }),
      frame("contentBlockStop", { contentBlockIndex: 1 }),
      frame("messageStop", { stopReason: "tool_use" }),
      frame("metadata", { usage: { inputTokens: 9, outputTokens: 3, totalTokens: 12 }, metrics: { latencyMs: 1 } }),
    ]),
    cut: Buffer.concat([frame("messageStart", { role: "assistant" }), frame("contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Hi" } })]),
    error: { message: "Quota exceeded for metric x" },
    errorFields: { "x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/" },
  },

  cohere: {
    provider: (url) => ({ type: "cohere", base_url: url, api_key: "co-1" }),
    model: "command-a-03-2025",
    path: () => "/v2/chat",
    auth: ({ headers }) => assert.equal(headers.authorization, "Bearer co-1"),
    check({ json }, stream) {
      assert.equal(json.model, "command-a-03-2025");
      assert.deepEqual(json.messages.map((message) => message.role), ["system", "user"]);
      assert.equal(json.tools[0].function.name, "get_weather");
      assert.equal(json.max_tokens, 100);
      assert.equal(json.stream, stream);
    },
    whole: { id: "c1", finish_reason: "COMPLETE", message: { role: "assistant", content: [{ type: "text", text: "Hello." }] }, usage: { billed_units: { input_tokens: 2, output_tokens: 3 }, tokens: { input_tokens: 9, output_tokens: 3 } } },
    stream: named([
      { type: "message-start", id: "c1", delta: { message: { role: "assistant", content: [], tool_plan: "", tool_calls: [], citations: [] } } },
      cohereDelta("content-start", { content: { type: "text", text: "" } }),
      cohereDelta("content-delta", { content: { text: "Hi" } }),
      { type: "content-end", index: 0 },
      cohereDelta("tool-call-start", { tool_calls: { id: "f_1", type: "function", function: { name: "get_weather", arguments: "" } } }),
      cohereDelta("tool-call-delta", { tool_calls: { function: { arguments: '{"city":' } } }),
      cohereDelta("tool-call-delta", { tool_calls: { function: { arguments: '"Oslo"}' } } }),
      { type: "tool-call-end", index: 0 },
      { type: "message-end", id: "c1", delta: { finish_reason: "TOOL_CALL", usage: { billed_units: { input_tokens: 2, output_tokens: 3 }, tokens: { input_tokens: 9, output_tokens: 3 } } } },
    ]),
    cut: named([{ type: "message-start", id: "c1", delta: { message: { role: "assistant", content: [] } } }, cohereDelta("content-start", { content: { type: "text", text: "" } }), cohereDelta("content-delta", { content: { text: "Hi" } })]),
    error: { id: "e1", message: "Quota exceeded for metric x" },
  },

  ollama: {
    provider: (url) => ({ type: "ollama", base_url: url }),
    model: "llama3.2:3b",
    path: () => "/api/chat",
    auth: ({ headers }) => assert.ok(!("authorization" in headers)),
    check({ json }, stream) {
      assert.equal(json.model, "llama3.2:3b");
      assert.deepEqual(json.messages.map((message) => [message.role, message.content]), [["system", "Be brief."], ["user", "Weather?"]]);
      assert.equal(json.tools[0].function.name, "get_weather");
      assert.equal(json.options.num_predict, 100);
      assert.equal(json.stream, stream);
    },
    whole: { model: "llama3.2:3b", created_at: "2026-01-01T00:00:00.000000000Z", message: { role: "assistant", content: "Hello." }, done: true, done_reason: "stop", prompt_eval_count: 9, eval_count: 3 },
    type: "application/x-ndjson",
    stream: lines([
      { model: "m", message: { role: "assistant", content: "Hi" }, done: false },
      { model: "m", message: { role: "assistant", content: "", tool_calls: [{ function: { name: "get_weather", arguments: { city: "Oslo" } } }] }, done: false },
      { model: "m", message: { role: "assistant", content: "" }, done: true, done_reason: "stop", prompt_eval_count: 9, eval_count: 3 },
    ]),
    cut: lines([{ model: "m", message: { role: "assistant", content: "Hi" }, done: false }]),
    error: { error: "Quota exceeded for metric x" },
  },

  vertex_ai: {
    provider: (url, files) => ({ type: "vertex_ai", base_url: url, location: "europe-west1", credentials: files.account }),
    model: "gemini-2.5-flash",
    path: (stream) => `/v1/projects/test-project/locations/europe-west1/publishers/google/models/gemini-2.5-flash:${stream ? "streamGenerateContent" : "generateContent"}`,
    query: "alt=sse",
    auth: ({ headers }) => assert.equal(headers.authorization, "Bearer ya29.token"),
    ...gemini,
  },
};

// A service account, and the place where it gets its tokens.
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const tokens = await FakeUpstream.start({ after }, (incoming) => incoming.reply(200, { access_token: "ya29.token", expires_in: 3599, token_type: "Bearer" }));
const folder = mkdtempSync(join(tmpdir(), "tollgate-account-"));
after(() => rmSync(folder, { recursive: true }));
const files = { account: join(folder, "account.json") };
writeFileSync(files.account, JSON.stringify({
  type: "service_account", project_id: "test-project", private_key_id: "kid-1", client_email: "robot@test-project.iam.gserviceaccount.com",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }), token_uri: `${tokens.url}/token`,
}));

let mode = "good";
const upstreams = {};
for (const [name, vendor] of Object.entries(vendors)) {
  upstreams[name] = await FakeUpstream.start({ after }, async (incoming) => {
    if (mode === "error") return incoming.reply(429, vendor.error, vendor.errorFields);
    const stream = incoming.json.stream === true || /stream/i.test(incoming.path);
    if (!stream) return incoming.reply(200, vendor.whole);
    await incoming.head(200, { "content-type": vendor.type ?? "text/event-stream", "transfer-encoding": "chunked" });
    // In pieces that respect no boundary.
    const bytes = Buffer.from(mode === "cut" ? vendor.cut : vendor.stream);
    for (let at = 0; at < bytes.length; at += 97) await incoming.chunk(bytes.subarray(at, at + 97));
    await incoming.lastChunk();
  });
}
const gateway = await Gateway.start({ after }, {
  server: { threads: 1 },
  providers: Object.fromEntries(Object.entries(vendors).map(([name, vendor]) => [`my_${name}`, vendor.provider(upstreams[name].url, files)])),
  failover: { retries: 0, breaker: { errors: 0 } },
});
const client = new OpenAI({ baseURL: gateway.baseURL, apiKey: "none", maxRetries: 0, timeout: 20_000 });
const asked = (name, more = {}) => ({
  model: `my_${name}/${vendors[name].model}`,
  max_tokens: 100,
  messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "Weather?" }],
  tools: [{ type: "function", function: { name: "get_weather", description: "Weather of a city", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } }],
  ...more,
});
const failure = (promise) => promise.then(() => assert.fail("should have failed"), (error) => error);

for (const [name, vendor] of Object.entries(vendors)) {
  describe(name, () => {
    const arrived = (stream) => {
      const incoming = upstreams[name].last;
      assert.equal(incoming.method, "POST");
      assert.equal(incoming.path, vendor.path(stream));
      if (stream && vendor.query) assert.equal(incoming.target.split("?")[1], vendor.query);
      vendor.auth(incoming);
      vendor.check(incoming, stream);
    };

    test("chats", async () => {
      mode = "good";
      const answer = await client.chat.completions.create(asked(name));
      arrived(false);
      assert.equal(answer.object, "chat.completion");
      assert.equal(answer.choices[0].message.content, "Hello.");
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.equal(answer.usage.prompt_tokens, 9);
      assert.equal(answer.usage.completion_tokens, 3);
      if (vendor.cached) assert.equal(answer.usage.prompt_tokens_details.cached_tokens, vendor.cached);
    });

    test("streams text and a tool call", async () => {
      mode = "good";
      const stream = await client.chat.completions.create(asked(name, { stream: true, stream_options: { include_usage: true } }));
      let text = "";
      const call = { id: "", name: "", args: "" };
      let finish = null;
      let usage = null;
      for await (const chunk of stream) {
        const [choice] = chunk.choices;
        usage = chunk.usage ?? usage;
        if (!choice) continue;
        text += choice.delta.content ?? "";
        for (const piece of choice.delta.tool_calls ?? []) {
          assert.equal(piece.index, 0);
          call.id += piece.id ?? "";
          call.name += piece.function?.name ?? "";
          call.args += piece.function?.arguments ?? "";
        }
        finish = choice.finish_reason ?? finish;
      }
      arrived(true);
      assert.equal(text, "Hi");
      assert.equal(call.name, "get_weather");
      assert.ok(call.id.length > 0);
      assert.deepEqual(JSON.parse(call.args), { city: "Oslo" });
      assert.equal(finish, "tool_calls");
      assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [9, 3]);
    });

    test("a stream that is cut ends in an error", async () => {
      mode = "cut";
      const stream = await client.chat.completions.create(asked(name, { stream: true }));
      let text = "";
      const error = await failure((async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
      })());
      assert.equal(text, "Hi");
      assert.ok(error instanceof OpenAI.APIError, String(error));
      assert.ok(error.message.includes(`my_${name}`), error.message);
    });

    test("its error becomes OpenAI's", async () => {
      mode = "error";
      const error = await failure(client.chat.completions.create(asked(name)));
      assert.ok(error instanceof OpenAI.RateLimitError, `${error}`);
      assert.match(error.message, /Quota exceeded for metric x/);
      assert.ok(error.message.includes(`my_${name}`));
    });
  });
}

test("vertex_ai signs one assertion and keeps the token that it gets for it", () => {
  assert.equal(tokens.requests.length, 1);
  const form = new URLSearchParams(tokens.requests[0].text);
  assert.equal(form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
  const [head, claims, signature] = form.get("assertion").split(".");
  assert.ok(createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(publicKey, signature, "base64url"));
  const { iss, scope, aud, iat, exp } = JSON.parse(Buffer.from(claims, "base64url"));
  assert.equal(iss, "robot@test-project.iam.gserviceaccount.com");
  assert.match(scope, /cloud-platform/);
  assert.ok([`${tokens.url}/token`, "https://oauth2.googleapis.com/token"].includes(aud));
  assert.ok(exp > iat && exp - iat <= 3600);
  assert.deepEqual(JSON.parse(Buffer.from(head, "base64url")), { alg: "RS256", typ: "JWT", kid: "kid-1" });
});

test("vertex_ai tells why it got no token", async (t) => {
  const refusing = await FakeUpstream.start(t, (incoming) => incoming.reply(400, { error: "invalid_grant", error_description: "Invalid JWT Signature." }));
  const path = join(folder, "refused.json");
  writeFileSync(path, JSON.stringify({ type: "service_account", project_id: "p", private_key_id: "k", client_email: "r@p", private_key: privateKey.export({ type: "pkcs8", format: "pem" }), token_uri: `${refusing.url}/token` }));
  const own = await Gateway.start(t, { providers: { vertex: { type: "vertex_ai", base_url: refusing.url, location: "europe-west1", credentials: path } }, failover: { retries: 0 } });
  const response = await own.chat({ model: "vertex/gemini-2.5-flash" });
  assert.equal(response.status, 502, response.text);
  assert.match(response.json().error.message, /Invalid JWT Signature|invalid_grant/);
});

test("bedrock takes a bearer key in place of a signature", async (t) => {
  mode = "good";
  const own = await Gateway.start(t, { providers: { bedrock: { base_url: upstreams.bedrock.url, region: "us-east-1", api_key: "bedrock-key-1" } } });
  const response = await own.chat({ model: "bedrock/amazon.nova-lite-v1:0" });
  assert.equal(response.status, 200, response.text);
  assert.equal(upstreams.bedrock.last.headers.authorization, "Bearer bedrock-key-1");
});

test("azure_openai is asked under its deployment, version and key", async (t) => {
  const azure = await FakeUpstream.start(t, (incoming) => incoming.reply(200, { id: "x", object: "chat.completion", model: "gpt-4o", choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }], usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } }));
  const own = await Gateway.start(t, { providers: { azure: { type: "azure_openai", base_url: azure.url, api_key: "az-1", api_version: "2024-10-21", deployment_map: { "gpt-4o": "my-gpt4o" } } } });
  const response = await own.chat({ model: "azure/gpt-4o" });
  assert.equal(response.status, 200, response.text);
  assert.equal(azure.last.target, "/openai/deployments/my-gpt4o/chat/completions?api-version=2024-10-21");
  assert.equal(azure.last.headers["api-key"], "az-1");
  assert.ok(!("authorization" in azure.last.headers));
});
