// Every way in which a vendor can fail before a byte has gone to the client, as a table.
//   answer(incoming)   what the vendor does with a request
//   onConnect(socket)  or with a connection already
//   only               "whole" or "stream": the other kind of request is not concerned
//   status, code       what the client of a single target sees
//   says               what the message tells, beside the target
//   final              no other target is tried: it would only say the same
import { completion, event, headBytes, streamText } from "./upstream.mjs";

const text = JSON.stringify(completion());
const jsonHead = (fields) => headBytes(200, { "content-type": "application/json", ...fields });
const sse = { "content-type": "text/event-stream" };
const chunked = { "transfer-encoding": "chunked" };

/// Writes, then closes.
const thenEnd = (bytes) => async (incoming) => {
  await incoming.write(bytes);
  incoming.end();
};
const thenReset = (bytes) => async (incoming) => {
  await incoming.write(bytes);
  incoming.reset();
};
const wrote = (bytes) => (incoming) => incoming.write(bytes);
const refusal = (status, error, fields) => (incoming) => incoming.reply(status, { error }, fields);
const vendorError = (message, more) => ({ message, type: "some_error", param: null, code: null, ...more });

const unavailable = { status: 502, code: "upstream_unavailable", says: /connection was lost|closed|reset/i };
const malformed = { status: 502, code: "upstream_protocol_error", says: /HTTP\/1\.1|head/ };
const misframed = { status: 502, code: "upstream_protocol_error", says: /framed/ };
const notJson = { status: 502, code: "upstream_protocol_error", says: /JSON/ };

export const misbehaviours = {
  "refuses the connection": { refuses: true, status: 502, code: "upstream_connect_failed", says: /refused/i },
  "accepts and closes": { onConnect: (socket) => (socket.end(), true), ...unavailable },
  "accepts and resets": { onConnect: (socket) => (socket.resetAndDestroy(), true), ...unavailable },
  "closes after the request": { answer: (incoming) => incoming.end(), ...unavailable },
  "resets after the request": { answer: (incoming) => incoming.reset(), ...unavailable },
  "closes after one byte of its head": { answer: thenEnd("H"), ...unavailable },
  "closes within its status line": { answer: thenEnd("HTTP/1.1 20"), ...unavailable },
  "closes within its fields": { answer: thenEnd("HTTP/1.1 200 OK\r\ncontent-type: appl"), ...unavailable },
  "resets within its fields": { answer: thenReset("HTTP/1.1 200 OK\r\ncontent-type: appl"), ...unavailable },
  "closes after an interim answer": { answer: thenEnd("HTTP/1.1 103 Early Hints\r\n\r\n"), ...unavailable },

  "is silent": { answer: () => {}, status: 504, code: "timeout", says: /first_byte/ },
  "dribbles its head for too long": {
    async answer(incoming) {
      for (const byte of "HTTP/1.1 200 OK\r\nx-slow: " + "z".repeat(1000)) {
        await incoming.write(byte);
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (incoming.socket.destroyed || incoming.connection.inbox.ended) return;
      }
    },
    status: 504, code: "timeout", says: /first_byte/,
  },
  "stalls after its head": { answer: (incoming) => incoming.stream(), only: "stream", status: 504, code: "timeout", says: /idle/ },
  "stalls within the first event": {
    only: "stream", status: 504, code: "timeout", says: /idle/,
    async answer(incoming) {
      await incoming.stream();
      await incoming.chunk(streamText().slice(0, 40));
    },
  },
  "sends comments and then stalls": {
    only: "stream", status: 504, code: "timeout", says: /idle/,
    async answer(incoming) {
      await incoming.stream();
      await incoming.chunk(": PROCESSING\n\n: PROCESSING\n\n");
    },
  },
  "stalls within a whole body": { answer: wrote(Buffer.concat([jsonHead({ "content-length": text.length }), Buffer.from(text.slice(0, 20))])), only: "whole", status: 504, code: "timeout", says: /idle/ },

  "sends a head without end": { answer: wrote("HTTP/1.1 200 OK\r\n" + "x-filler: 0123456789012345678901234567890123456789\r\n".repeat(8000)), ...malformed },
  "answers in another protocol": { answer: wrote("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n"), ...malformed },
  "answers with TLS": { answer: wrote(Buffer.from("1503030002022815030300020100\r\n\r\n", "hex")), ...malformed },
  "answers with a status that is none": { answer: wrote("HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n"), ...malformed },
  "switches protocols": { answer: wrote("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"), ...malformed },
  "sends a field without colon": { answer: wrote("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), ...malformed },
  "has two lengths": { answer: wrote(`HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n${text}`), ...malformed },
  "has a length that is no number": { answer: wrote(`HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n${text}`), ...malformed },
  "has a negative length": { answer: wrote(`HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n${text}`), ...malformed },

  "closes within a body of known length": { only: "whole", answer: thenEnd(Buffer.concat([jsonHead({ "content-length": text.length }), Buffer.from(text.slice(0, -1))])), ...unavailable },
  "resets within a body": { only: "whole", answer: thenReset(Buffer.concat([jsonHead({ "content-length": text.length }), Buffer.from(text.slice(0, 30))])), ...unavailable },
  "closes before the last chunk": { only: "whole", answer: thenEnd(Buffer.concat([jsonHead(chunked), Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`)])), ...unavailable },
  "closes within a body without length": { only: "whole", answer: thenEnd(Buffer.concat([jsonHead({ connection: "close" }), Buffer.from(text.slice(0, 50))])), ...notJson },
  "gives a length that is too small": { only: "whole", answer: wrote(Buffer.concat([jsonHead({ "content-length": text.length - 5 }), Buffer.from(text)])), ...notJson },
  "has chunk sizes that are no numbers": { answer: wrote(Buffer.concat([jsonHead(chunked), Buffer.from(`zz\r\n${text}\r\n0\r\n\r\n`)])), ...misframed },
  "has chunks longer than they say": { answer: wrote(Buffer.concat([jsonHead(chunked), Buffer.from(`5\r\n${text}\r\n0\r\n\r\n`)])), ...misframed },
  "has a chunk size without bound": { answer: wrote(Buffer.concat([jsonHead(chunked), Buffer.from(`fffffffffffffffff\r\n${text}`)])), ...misframed },

  "sends a web page": { answer: (incoming) => incoming.reply(200, "<html><body>Sign in</body></html>", { "content-type": "text/html" }), status: 502, code: "upstream_protocol_error" },
  "sends nothing with 200": { answer: (incoming) => incoming.reply(200, ""), status: 502, code: "upstream_protocol_error" },
  "answers 204": { answer: wrote("HTTP/1.1 204 No Content\r\n\r\n"), status: 502, code: "upstream_protocol_error" },
  "sends broken JSON": { only: "whole", answer: (incoming) => incoming.reply(200, text.slice(0, -2)), ...notJson },
  "names a coding that it did not use": { only: "whole", answer: (incoming) => incoming.reply(200, text, { "content-encoding": "gzip" }), status: 502, code: "upstream_protocol_error", says: /coding/ },
  "uses an unknown coding": { only: "whole", answer: (incoming) => incoming.reply(200, text, { "content-encoding": "x-lz" }), status: 502, code: "upstream_protocol_error", says: /coding/ },
  "answers a stream with a whole answer": { only: "stream", answer: (incoming) => incoming.reply(200, text), status: 502, code: "upstream_protocol_error", says: /stream/ },

  "puts an error into a 200": { only: "whole", answer: (incoming) => incoming.reply(200, { error: vendorError("The engine exploded", { type: "server_error" }) }), status: 502, says: /The engine exploded/ },
  "puts a JSON error in place of a stream": { only: "stream", answer: (incoming) => incoming.reply(200, { error: vendorError("The engine exploded", { type: "server_error" }) }), status: 502, says: /The engine exploded/ },
  "begins a stream with an error": {
    only: "stream", status: 502, says: /The engine exploded/,
    async answer(incoming) {
      await incoming.stream();
      await incoming.chunk(event({ error: vendorError("The engine exploded", { type: "server_error", code: 500 }) }) + event("[DONE]"));
      await incoming.lastChunk();
    },
  },
  "sends a stream without events": { only: "stream", answer: (incoming) => incoming.write(Buffer.concat([headBytes(200, { ...sse, ...chunked }), Buffer.from("0\r\n\r\n")])), status: 502, code: "upstream_protocol_error", says: /ended before/ },
  "sends a stream of comments only": { only: "stream", answer: wrote(Buffer.concat([headBytes(200, { ...sse, ...chunked }), Buffer.from("5\r\n: x\n\n\r\n0\r\n\r\n")])), status: 502, code: "upstream_protocol_error" },
  "sends a stream of garbage": { only: "stream", answer: wrote(Buffer.concat([headBytes(200, { ...sse, "content-length": 22 }), Buffer.from("data: <html>oops</html")])), status: 502, code: "upstream_protocol_error" },

  "answers 500": { answer: refusal(500, vendorError("boom")), status: 502, code: "upstream_unavailable", says: /boom/ },
  "answers 502 with a web page": { answer: (incoming) => incoming.reply(502, "<html>Bad gateway</html>", { "content-type": "text/html" }), status: 502, code: "upstream_unavailable" },
  "answers 503": { answer: refusal(503, vendorError("maintenance")), status: 503, says: /maintenance/ },
  "answers 529": { answer: refusal(529, vendorError("overloaded")), status: 503, says: /overloaded/ },
  "answers 500 and closes within the body": { answer: thenEnd(headBytes(500, { "content-type": "application/json", "content-length": 1000 })), status: 502, code: "upstream_unavailable" },
  "answers 500 with a huge body": { answer: (incoming) => incoming.reply(500, "e".repeat(8_000_000)), status: 502, code: "upstream_unavailable" },
  "answers 500 and stalls": { answer: wrote(headBytes(500, { "content-type": "application/json", "content-length": 1000 })), status: 502, code: "upstream_unavailable" },
  "answers 429": { answer: refusal(429, vendorError("slow down", { code: "rate_limit_exceeded" }), { "retry-after": "30" }), status: 429, code: "rate_limit_exceeded", says: /slow down/, headers: { "retry-after": "30" } },
  "answers 401": { answer: refusal(401, vendorError("Incorrect API key", { code: "invalid_api_key" })), status: 502, says: /key/i },
  "answers 403": { answer: refusal(403, vendorError("Country not supported")), status: 502 },
  "answers 402": { answer: refusal(402, vendorError("Insufficient balance")), status: 502, code: "upstream_quota", says: /balance/ },
  "answers 429 for want of credit": { answer: refusal(429, vendorError("You exceeded your current quota", { type: "insufficient_quota", code: "insufficient_quota" })), status: 502, says: /quota/ },
  "redirects": { answer: (incoming) => incoming.reply(302, "", { location: "https://elsewhere.example/" }), status: 502 },

  "answers 400": { answer: refusal(400, vendorError("temperature is too high", { type: "invalid_request_error", param: "temperature" })), status: 400, says: /temperature is too high/, final: true },
  "answers 404": { answer: refusal(404, vendorError("no such model", { type: "invalid_request_error", code: "model_not_found" })), status: 404, says: /no such model/ },
  "answers 422": { answer: refusal(422, vendorError("cannot process", { type: "invalid_request_error" })), status: 422, says: /cannot process/, final: true },
  "answers 400 for the context's length": { answer: refusal(400, vendorError("maximum context length is 8192 tokens", { type: "invalid_request_error", code: "context_length_exceeded" })), status: 400, code: "context_length_exceeded", final: true },
};
