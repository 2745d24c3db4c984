// The OpenAI SDK over TLS and HTTP/2, as a Node application gets it from undici.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import OpenAI from "openai";
import { Agent, fetch } from "undici";
import { Authority } from "./support/certificates.mjs";
import { Gateway } from "./support/gateway.mjs";

const authority = new Authority({ after });
const { certFile, keyFile } = authority.issue("here", "DNS:localhost,IP:127.0.0.1");
const gateway = await Gateway.start({ after }, {
  providers: { default: "demo", demo: {} },
  server: { listen: ["http://127.0.0.1:0", "127.0.0.1:0"], tls: { cert: certFile, key: keyFile } },
});
const dispatcher = new Agent({ allowH2: true, connections: 1, connect: { ca: authority.ca } });
after(() => dispatcher.destroy());
const client = new OpenAI({
  baseURL: `https://localhost:${gateway.ports[1]}/v1`, apiKey: "none", maxRetries: 0, fetch, fetchOptions: { dispatcher },
});
const messages = [{ role: "user", content: "Hello" }];

describe("the OpenAI SDK over HTTP/2", () => {
  test("chats on one connection, whole and streamed side by side", async () => {
    const whole = await client.chat.completions.create({ model: "demo-1", messages });
    const text = whole.choices[0].message.content;
    assert.ok(text.length > 0);
    const streams = await Promise.all(Array.from({ length: 8 }, async () => {
      let all = "";
      for await (const chunk of await client.chat.completions.create({ model: "demo-1", messages, stream: true })) all += chunk.choices[0]?.delta.content ?? "";
      return all;
    }));
    for (const one of streams) assert.equal(one, text);
    assert.equal(await gateway.metric("tollgate_client_connections", { protocol: "http2" }), 1);
  });

  test("gets its error classes", async () => {
    await assert.rejects(client.chat.completions.create({ model: "nothing-of-the-kind/x", messages }), OpenAI.NotFoundError);
  });

  test("an abort in the middle of a stream frees the gateway, and the connection stays", async () => {
    const stream = await client.chat.completions.create({ model: "demo-1", messages, stream: true }, { headers: { "x-tollgate-demo": "chunk_delay=200ms" } });
    for await (const _ of stream) break;
    await gateway.settled();
    assert.equal(await gateway.metric("tollgate_client_connections", { protocol: "http2" }), 1);
  });
});
