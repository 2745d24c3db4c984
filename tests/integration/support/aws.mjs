// The receiving end of AWS: signatures checked by the book, event-stream frames made by hand.
import { createHash, createHmac } from "node:crypto";

const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const hmac = (key, data) => createHmac("sha256", key).update(data).digest();
const encode = (text, safe) => [...Buffer.from(text)].map((byte) => {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9\-_.~]/.test(char) || safe.includes(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}).join("");

/// What Signature Version 4 says about a request that arrived: {valid, credential, region, service, signed}.
export function checkSignature(incoming, secret) {
  const match = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(incoming.headers.authorization ?? "");
  if (match === null) return { valid: false };
  const [, credential, date, region, service, signed, signature] = match;
  const [path, query = ""] = incoming.target.split("?");
  const canonical = [
    incoming.method,
    encode(path, "/"), // once more than on the wire
    query.split("&").filter(Boolean).sort().join("&"),
    ...signed.split(";").map((name) => `${name}:${incoming.headers[name].trim().replaceAll(/ +/g, " ")}`),
    "",
    signed,
    sha256(incoming.body),
  ].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", incoming.headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = ["aws4_request"].reduce(hmac, hmac(hmac(hmac(`AWS4${secret}`, date), region), service));
  return { valid: hmac(key, text).toString("hex") === signature, credential, region, service, signed: signed.split(";") };
}

const kTable = Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; ++bit) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
const crc32 = (bytes) => (bytes.reduce((crc, byte) => kTable[(crc ^ byte) & 0xff] ^ (crc >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;
const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/// One vnd.amazon.eventstream frame.
export function frame(type, payload, { kind = "event" } = {}) {
  const fields = { [kind === "event" ? ":event-type" : ":exception-type"]: type, ":content-type": "application/json", ":message-type": kind };
  const headers = Buffer.concat(Object.entries(fields).map(([name, value]) =>
    Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([7, 0, value.length]), Buffer.from(value)])));
  const content = Buffer.from(JSON.stringify(payload));
  const prelude = Buffer.concat([u32(headers.length + content.length + 16), u32(headers.length)]);
  const most = Buffer.concat([prelude, u32(crc32(prelude)), headers, content]);
  return Buffer.concat([most, u32(crc32(most))]);
}
