// TLS towards clients: certificates, versions, client certificates, reloads, and what is not TLS at all.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { deferred, eventually, within } from "./support/bounded.mjs";
import { Authority } from "./support/certificates.mjs";
import { Gateway, run } from "./support/gateway.mjs";
import { Connection, requestBytes } from "./support/http.mjs";

const authority = new Authority({ after });
const here = authority.issue("here", "DNS:localhost,IP:127.0.0.1");
const files = ({ certFile, keyFile }) => ({ cert: certFile, key: keyFile });
const trusting = { ca: authority.ca };

/// A gateway with a plain door (for probes and counters) and a TLS door: gateway.secure is its port.
async function start(t, tlsSettings, more = {}) {
  const { server, ...rest } = more;
  const gateway = await Gateway.start(t, {
    providers: { default: "demo", demo: {} },
    logging: { level: "debug" },
    ...rest,
    server: { listen: ["http://127.0.0.1:0", "127.0.0.1:0"], tls: tlsSettings, ...server },
  });
  gateway.secure = gateway.ports[1];
  return gateway;
}
const open = (gateway, options = {}) => Connection.open(gateway.secure, { secure: { ...trusting, servername: "localhost", ...options } });
const chat = (more = {}) => ({ method: "POST", path: "/v1/chat/completions", body: { model: "demo-1", messages: [{ role: "user", content: "hi" }], ...more } });
async function ask(gateway, options = {}, request = chat()) {
  const connection = await open(gateway, options);
  try {
    return { response: await connection.exchange(request), peer: connection.socket.getPeerCertificate(), socket: connection.socket };
  } finally {
    connection.destroy();
  }
}
/// The error of a handshake that must not succeed; in TLS 1.3 it may come with the first read.
async function refusedBy(gateway, options = {}) {
  const socket = tls.connect({ host: "127.0.0.1", port: gateway.secure, ...trusting, servername: "localhost", ...options });
  const ended = deferred();
  socket.on("error", ended.resolve).on("close", () => ended.resolve(new Error("closed"))).on("data", (bytes) => ended.reject(new Error(`answered: ${bytes}`)));
  socket.on("secureConnect", () => socket.write(requestBytes({ path: "/v1/models" })));
  try {
    return await within(ended.promise, "the handshake to fail");
  } finally {
    socket.destroy();
  }
}
const failures = (gateway, reason) => gateway.metric("tollgate_tls_handshake_failures_total", reason ? { reason } : {});
const counted = (gateway, reason, count = 1) => eventually(async () => (await failures(gateway, reason)) === count, `${count} failures of reason ${reason}`);
/// A session of the first connection, for the second to resume.
async function ticket(gateway, options = {}) {
  const connection = await open(gateway, options);
  const session = deferred();
  connection.socket.on("session", session.resolve);
  assert.equal((await connection.exchange(chat())).status, 200);
  if (connection.socket.getProtocol() === "TLSv1.2") session.resolve(connection.socket.getSession());
  const kept = await within(session.promise, "a session ticket");
  connection.destroy();
  return kept;
}

describe("a certificate", () => {
  test("serves whole answers, streams and large bodies, in TLS 1.2 and 1.3, on kept connections", async (t) => {
    const gateway = await start(t, files(here));
    const big = "é".repeat(600_000);
    for (const version of ["TLSv1.2", "TLSv1.3"]) {
      const connection = await open(gateway, { minVersion: version, maxVersion: version });
      assert.equal(connection.socket.getProtocol(), version);
      for (let i = 0; i < 3; ++i) {
        assert.equal((await connection.exchange(chat())).status, 200);
        assert.match((await connection.exchange(chat({ stream: true }))).text, /data: \[DONE\]/);
      }
      const answer = await connection.exchange(chat({ user: big }));
      assert.equal(answer.status, 200, answer.text.slice(0, 300));
      connection.destroy();
      assert.equal(await gateway.metric("tollgate_tls_handshakes_total", { version: version.slice(4), resumed: false }), 1);
    }
    assert.equal(await failures(gateway), 0);
  });

  test("is all that OpenAI's SDK needs", async (t) => {
    const gateway = await start(t, files(here));
    // The SDK's fetch takes further authorities from the environment only.
    const program = `
      import OpenAI from "openai";
      const client = new OpenAI({ baseURL: "https://localhost:${gateway.secure}/v1", apiKey: "none", maxRetries: 0 });
      const ask = { model: "demo-1", messages: [{ role: "user", content: "Hello" }] };
      console.log((await client.chat.completions.create(ask)).choices[0].message.content);
      let text = "";
      for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) text += chunk.choices[0]?.delta?.content ?? "";
      console.log(text);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      cwd: import.meta.dirname ?? fileURLToPath(new URL(".", import.meta.url)),
      env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: authority.caFile },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (data) => (said += data));
    const ended = deferred();
    child.on("error", ended.reject).on("close", ended.resolve);
    await within(ended.promise, "the SDK to end");
    assert.equal(said, 'You said: "Hello".\n'.repeat(2));
  });

  test("is chosen by the name that the client asks for: exact, wildcard, else the first", async (t) => {
    const certificates = [here, authority.issue("exact", "DNS:a.example"), authority.issue("wild", "DNS:*.wild.example,DNS:other.example")];
    const gateway = await start(t, { certificates: certificates.map(files) });
    const names = { "a.example": "exact", "A.Example": "exact", "x.wild.example": "wild", "other.example": "wild", "x.y.wild.example": "here", "wild.example": "here", "b.example": "here", localhost: "here" };
    for (const [servername, expected] of Object.entries(names)) {
      const { peer, response } = await ask(gateway, { servername, checkServerIdentity: () => {} });
      assert.equal(peer.subject.CN, expected, servername);
      assert.equal(response.status, 200);
    }
    const { peer } = await ask(gateway, { servername: "" , checkServerIdentity: () => {} });
    assert.equal(peer.subject.CN, "here", "without a name");
  });

  test("that is self-signed is made at start, and stays over a reload", async (t) => {
    const gateway = await start(t, { self_signed: true });
    const trusted = await ask(gateway, { rejectUnauthorized: false });
    assert.match(trusted.peer.subjectaltname, /DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/);
    assert.ok(new X509Certificate(trusted.peer.raw).verify(new X509Certificate(trusted.peer.raw).publicKey));
    const before = gateway.lines.length;
    gateway.signal("SIGHUP");
    await gateway.logged((line) => line.event === "configuration reloaded", "the reload", before);
    assert.equal((await ask(gateway, { rejectUnauthorized: false })).peer.fingerprint256, trusted.peer.fingerprint256);
    assert.equal((await refusedBy(gateway)).code, "DEPTH_ZERO_SELF_SIGNED_CERT");
  });

  test("serves HTTP/2 where ALPN chooses it, in both versions, with the same certificates and keys", async (t) => {
    const client = authority.issue("h2client", "DNS:client", { usage: "clientAuth" });
    const gateway = await start(t, { ...files(here), client_ca: authority.caFile, client_auth: "optional" }, { keys: [{ name: "two", certificate_subject: "CN=h2client" }] });
    for (const version of ["TLSv1.2", "TLSv1.3"]) {
      const session = http2.connect(`https://localhost:${gateway.secure}`, { ...trusting, minVersion: version, maxVersion: version, cert: client.cert, key: client.key });
      t.after(() => session.destroy());
      const { body } = chat({ stream: true });
      const answers = Array.from({ length: 5 }, async (_, i) => {
        const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json", "x-request-id": `${version}-${i}` });
        stream.end(JSON.stringify(body));
        const head = deferred();
        let text = "";
        const end = deferred();
        stream.setEncoding("utf8").on("response", head.resolve).on("data", (data) => (text += data)).on("end", end.resolve).on("error", end.reject);
        assert.equal((await within(head.promise, "an answer"))[":status"], 200);
        await within(end.promise, "its end");
        assert.match(text, /data: \[DONE\]/);
        assert.equal((await gateway.access(`${version}-${i}`)).key, "two");
      });
      await Promise.all(answers);
      assert.equal(session.alpnProtocol, "h2");
    }
  });

  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    test(`${version}: sessions are resumed by tickets that every worker takes, also after a reload`, async (t) => {
      const gateway = await start(t, files(here), { server: { threads: 3 } });
      const pinned = { minVersion: version, maxVersion: version };
      let session = await ticket(gateway, pinned);
      for (let i = 0; i < 8; ++i) {
        if (i === 4) {
          const before = gateway.lines.length;
          gateway.signal("SIGHUP");
          await gateway.logged((line) => line.event === "configuration reloaded", "the reload", before);
        }
        const connection = await open(gateway, { ...pinned, session });
        assert.ok(connection.socket.isSessionReused(), `connection ${i}`);
        assert.equal((await connection.exchange(chat())).status, 200);
        connection.destroy();
      }
      assert.equal(await gateway.metric("tollgate_tls_handshakes_total", { resumed: true }), 8);
    });
  }

  test("is replaced by a reload under load; no connection breaks, and a bad one is refused whole", async (t) => {
    const dir = authority.dir;
    const live = { cert: join(dir, "live.pem"), key: join(dir, "live.key") };
    const put = ({ certFile, keyFile }) => (copyFileSync(certFile, live.cert), copyFileSync(keyFile, live.key));
    put(here);
    const gateway = await start(t, live);
    const next = authority.issue("next", "DNS:localhost");
    let stopped = false;
    const seen = new Set();
    const clients = Array.from({ length: 4 }, async () => {
      while (!stopped) {
        const { response, peer } = await ask(gateway);
        assert.equal(response.status, 200);
        seen.add(peer.subject.CN);
      }
    });
    const kept = await open(gateway);
    const reload = async (event) => {
      const before = gateway.lines.length;
      gateway.signal("SIGHUP");
      return gateway.logged((line) => line.event === event, event, before);
    };
    put(next);
    await reload("configuration reloaded");
    await eventually(() => seen.has("next"), "the new certificate");
    assert.equal((await kept.exchange(chat())).status, 200, "the old connection lives on");
    writeFileSync(live.key, here.key);
    const rejected = await reload("configuration rejected, the running one stays");
    assert.ok(rejected.problem.includes(`server.tls.key: ${live.key} does not belong to the certificate`), rejected.problem);
    assert.equal((await ask(gateway)).peer.subject.CN, "next");
    assert.equal(await gateway.metric("tollgate_config_reloads_total", { result: "rejected" }), 1);
    stopped = true;
    await Promise.all(clients);
    kept.destroy();
    assert.ok(seen.has("here"));
  });

  test("is checked by `tollgate check`, which names the file and the line", async (t) => {
    const path = (name, text) => {
      const file = join(authority.dir, name);
      writeFileSync(file, text);
      return file;
    };
    const encrypted = join(authority.dir, "encrypted.key");
    execFileSync("openssl", ["pkey", "-in", here.keyFile, "-aes256", "-passout", "pass:secret", "-out", encrypted]);
    const other = authority.issue("other", "DNS:other.example");
    const expired = authority.issue("expired", "DNS:localhost", { expired: true });
    const nonsense = path("nonsense.pem", "nonsense");
    const damaged = path("damaged.pem", `${here.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`);
    const check = async (settings) => {
      const config = path("check.yaml", `providers: {demo: {}}\nserver:\n  tls: ${JSON.stringify(settings)}\n`);
      return run(["check", "-c", config]);
    };
    const problems = [
      [{ cert: "/nowhere.pem", key: here.keyFile }, "server.tls.cert: /nowhere.pem: it cannot be opened"],
      [{ cert: nonsense, key: here.keyFile }, `server.tls.cert: ${nonsense} holds no certificate in PEM form`],
      [{ cert: damaged, key: here.keyFile }, `server.tls.cert: ${damaged} is damaged within its chain`],
      [{ cert: here.certFile, key: nonsense }, `server.tls.key: ${nonsense} holds no private key in PEM form`],
      [{ cert: here.certFile, key: other.keyFile }, `server.tls.key: ${other.keyFile} does not belong to the certificate`],
      [{ cert: here.certFile, key: encrypted }, `server.tls.key: ${encrypted} is encrypted`],
      [{ ...files(here), ocsp: nonsense }, `server.tls.ocsp: ${nonsense} is not an OCSP response in DER form`],
      [{ ...files(here), client_ca: nonsense, client_auth: "required" }, `server.tls.client_ca: ${nonsense} holds no certificate in PEM form`],
      [{ certificates: [files(here), { cert: other.certFile, key: here.keyFile }] }, `server.tls.certificates[1].key: ${here.keyFile} does not belong`],
    ];
    for (const [settings, expected] of problems) {
      const { code, stdout } = await check(settings);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /^error: \S*check\.yaml:3:\d+: /);
      assert.ok(stdout.includes(expected), `${expected}: ${stdout}`);
    }
    const late = await check(files(expired));
    assert.equal(late.code, 0, late.stdout);
    assert.ok(late.stdout.includes(`server.tls.cert: ${expired.certFile} has expired`), late.stdout);
    assert.equal((await check(files(here))).code, 0);
  });

  test("has its OCSP response stapled, byte for byte", async (t) => {
    const at = (name) => join(authority.dir, name);
    writeFileSync(at("index.txt"), `V\t350101000000Z\t\t${new X509Certificate(here.cert).serialNumber}\tunknown\t/CN=here\n`);
    execFileSync("openssl", ["ocsp", "-issuer", authority.caFile, "-cert", here.certFile, "-no_nonce", "-reqout", at("ocsp.req")]);
    execFileSync("openssl", ["ocsp", "-index", at("index.txt"), "-CA", authority.caFile, "-rsigner", authority.caFile, "-rkey", at("ca.key"),
      "-reqin", at("ocsp.req"), "-respout", at("ocsp.der"), "-ndays", "7"], { stdio: "ignore" });
    const gateway = await start(t, { ...files(here), ocsp: at("ocsp.der") });
    const socket = tls.connect({ host: "127.0.0.1", port: gateway.secure, ...trusting, servername: "localhost", requestOCSP: true });
    const stapled = deferred();
    socket.on("OCSPResponse", stapled.resolve).on("error", stapled.reject);
    const bytes = await within(stapled.promise, "a stapled response");
    socket.destroy();
    const other = authority.issue("unstapled", "DNS:localhost");
    const config = at("unstapled.yaml");
    writeFileSync(config, JSON.stringify({ providers: { demo: {} }, server: { tls: { ...files(other), ocsp: at("ocsp.der") } } }));
    const { code, stdout } = await run(["check", "-c", config]);
    assert.equal(code, 1, stdout);
    assert.ok(stdout.includes(`${at("ocsp.der")} says nothing about the certificate`), stdout);
    const hash = (data) => createHash("sha256").update(data).digest("hex");
    assert.equal(hash(bytes ?? ""), hash(readFileSync(at("ocsp.der"))));
  });
});

describe("a handshake is refused", () => {
  test("below the version that is wanted", async (t) => {
    const gateway = await start(t, files(here));
    const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" };
    assert.match((await refusedBy(gateway, old)).code, /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
    await counted(gateway, "version");
    const strict = await start(t, { ...files(here), min_version: "1.3" });
    assert.match((await refusedBy(strict, { maxVersion: "TLSv1.2" })).code, /PROTOCOL_VERSION/);
    assert.equal((await ask(strict)).response.status, 200);
    await counted(strict, "version");
    const line = await strict.logged((one) => one.event === "TLS handshake failed", "the failure");
    assert.deepEqual([line.level, line.reason, line.client], ["debug", "version", "127.0.0.1"]);
  });

  test("without a cipher, or an application protocol, in common", async (t) => {
    const gateway = await start(t, files(here));
    await refusedBy(gateway, { maxVersion: "TLSv1.2", ciphers: "AES128-SHA" });
    await counted(gateway, "cipher");
    // RFC 7301 section 3.2
    assert.match((await refusedBy(gateway, { ALPNProtocols: ["imap", "acme-tls/1"] })).code, /NO_APPLICATION_PROTOCOL/);
    await counted(gateway, "alpn");
    const { socket } = await ask(gateway, { ALPNProtocols: ["imap", "http/1.1"] });
    assert.equal(socket.alpnProtocol, "http/1.1");
    assert.equal((await ask(gateway)).socket.alpnProtocol, false, "a client may name none");
  });

  test("when it does not come to its end in time, and when the client leaves", async (t) => {
    const gateway = await start(t, files(here), { server: { timeouts: { header: "300ms" } } });
    const silent = await Connection.open(gateway.secure);
    const half = await Connection.open(gateway.secure);
    await half.write(Buffer.from("160301", "hex"));
    await Promise.all([silent.closed(), half.closed()]);
    await counted(gateway, "timeout", 2);
    const gone = await Connection.open(gateway.secure);
    await gone.write(Buffer.from("16030100", "hex"));
    gone.end();
    await gone.closed();
    await counted(gateway, "cut");
    const probe = await Connection.open(gateway.secure);
    probe.destroy(); // a TCP probe is no failure
    assert.equal((await ask(gateway)).response.status, 200);
    await eventually(async () => (await gateway.metric("tollgate_client_connections")) <= 1, "connections to go");
    assert.equal(await failures(gateway), 3);
  });

  test("when it is not TLS: plain HTTP is told so, noise is closed", async (t) => {
    const gateway = await start(t, files(here));
    for (const bytes of [requestBytes(chat()), "DELETE /x HTTP/1.1\r\n\r\n", "\r\nGET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]) {
      const connection = await Connection.open(gateway.secure);
      await connection.write(bytes);
      const response = await connection.response();
      assert.equal(response.status, 400);
      assert.match(response.json().error.message, /speaks HTTPS.*https:\/\//);
      assert.equal(response.headers.connection, "close");
      await connection.closed();
    }
    await counted(gateway, "plain_http", 4);
    const noise = await Connection.open(gateway.secure);
    await noise.write(Buffer.from([0x80, 0x2e, 0x01, 0x00, 0x02]));
    await noise.closed();
    assert.equal(noise.inbox.bytes.length, 0);
    await counted(gateway, "not_tls");
  });

  test("by renegotiation, which is off", async (t) => {
    const gateway = await start(t, files(here));
    const connection = await open(gateway, { maxVersion: "TLSv1.2" });
    const ended = deferred();
    connection.socket.renegotiate({}, (error) => ended.resolve(error));
    connection.socket.on("error", ended.resolve).on("close", ended.resolve);
    await within(ended.promise, "the renegotiation to end");
    connection.destroy();
    assert.equal((await ask(gateway)).response.status, 200);
  });
});

describe("a client's certificate", () => {
  const client = (name, subject, options = {}) => authority.issue(name, "DNS:client", { usage: "clientAuth", subject, ...options });
  const billing = client("billing", "/O=Example/CN=billing");
  const stranger = client("stranger", "/CN=stranger");
  const selfSigned = client("impostor", "/O=Example/CN=billing", { selfSigned: true });
  const expired = client("late", "/O=Example/CN=billing", { expired: true });
  const shown = ({ cert, key }) => ({ cert, key });
  const mutual = (client_auth) => ({ ...files(here), client_ca: authority.caFile, client_auth });
  const secret = "sk-other";
  const keys = [
    { name: "billing", certificate_subject: "CN=billing,O=Example" },
    { name: "other", hash: `sha256:${createHash("sha256").update(secret).digest("hex")}`, models: ["demo/demo-mini"] },
  ];
  const withId = (id, headers = {}) => ({ ...chat(), headers: { "x-request-id": id, ...headers } });

  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    test(`${version}: is required, or optional; a bad one is refused either way`, async (t) => {
      const pinned = { minVersion: version, maxVersion: version };
      for (const mode of ["required", "optional"]) {
        const gateway = await start(t, mutual(mode));
        assert.equal((await ask(gateway, { ...pinned, ...shown(stranger) })).response.status, 200);
        if (mode === "required") {
          await refusedBy(gateway, pinned);
          await counted(gateway, "certificate_missing");
        } else {
          assert.equal((await ask(gateway, pinned)).response.status, 200);
        }
        await refusedBy(gateway, { ...pinned, ...shown(selfSigned) });
        await refusedBy(gateway, { ...pinned, ...shown(expired) });
        await counted(gateway, "certificate_refused", 2);
      }
    });
  }

  test("stands for the key that names its subject; another key may be sent all the same", async (t) => {
    const gateway = await start(t, mutual("optional"), { keys });
    const named = async (id, options, headers) => {
      const { response } = await ask(gateway, options, withId(id, headers));
      return [response.status, (await gateway.access(id)).key ?? null, response];
    };
    assert.deepEqual((await named("a", shown(billing))).slice(0, 2), [200, "billing"]);
    assert.deepEqual((await named("b", shown(billing), { authorization: "Bearer whatever" })).slice(0, 2), [200, "billing"]);
    const [status, key] = await named("c", shown(billing), { authorization: `Bearer ${secret}` });
    assert.deepEqual([status, key], [403, "other"], "a key that is known is the caller's choice");
    const [unknown, , response] = await named("d", shown(stranger));
    assert.equal(unknown, 401);
    assert.match(response.json().error.message, /certificate_subject 'CN=stranger'/);
    assert.equal((await named("e", {}))[0], 401);
    // Nobody becomes somebody by a resumed session.
    const session = await ticket(gateway, shown(billing));
    assert.deepEqual((await named("f", { session })).slice(0, 2), [200, "billing"], "it was proved when the session began");
    assert.equal((await named("g", {}))[0], 401);
  });
});

test("a client that ends TLS in the middle of a body is gone; one that is cut off is, too", async (t) => {
  const gateway = await start(t, files(here));
  for (const [id, leave] of [["polite", (socket) => socket.end()], ["cut", (socket) => socket.destroy()]]) {
    const connection = await open(gateway);
    await connection.write(Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"model":`));
    leave(connection.socket);
    const line = await gateway.access(id);
    assert.deepEqual([line.status, line.outcome], [499, "client_gone"]);
  }
});

test("an answer that is broken off ends without close_notify, a whole one with it", async (t) => {
  const gateway = await start(t, files(here));
  const raw = async (request) => {
    // openssl's client says how the connection ended; node's does not.
    const args = ["s_client", "-connect", `127.0.0.1:${gateway.secure}`, "-CAfile", authority.caFile, "-quiet", "-ign_eof", "-no_ticket"];
    try {
      return { out: execFileSync("openssl", args, { input: request, stdio: ["pipe", "pipe", "pipe"], timeout: 20_000 }).toString(), err: "" };
    } catch (error) {
      return { out: error.stdout.toString(), err: error.stderr.toString() };
    }
  };
  const close = { connection: "close" };
  const whole = await raw(requestBytes({ ...chat(), headers: close }));
  assert.match(whole.out, /200 OK/);
  assert.doesNotMatch(whole.err, /unexpected eof/);
  const broken = await raw(requestBytes({ ...chat({ stream: true }), headers: { ...close, "x-tollgate-demo": "fault=cut; cut_after=2" } }));
  assert.match(broken.out, /200 OK/);
  assert.match(broken.err, /unexpected eof/);
});

test("SIGTERM: running answers end well, handshakes that have not begun are closed", async (t) => {
  const gateway = await start(t, files(here), { server: { timeouts: { drain: "10s" } } });
  const idle = await open(gateway);
  assert.equal((await idle.exchange(chat())).status, 200);
  const waiting = await Connection.open(gateway.secure);
  const running = await open(gateway);
  const begun = deferred();
  await running.write(requestBytes({ ...chat({ stream: true }), headers: { "x-tollgate-demo": "chunk_delay=100ms; chunks=12" } }));
  const answer = running.response({ onHead: begun.resolve });
  await within(begun.promise, "the stream to begin");
  await gateway.stop();
  const response = await answer;
  assert.ok(response.clean && response.text.includes("[DONE]"), response.text);
  await Promise.all([idle.closed(), waiting.closed()]);
});
