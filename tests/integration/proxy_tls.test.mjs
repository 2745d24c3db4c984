// TLS to the vendor, verified; and the ways through HTTP and SOCKS5 proxies.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Authority } from "./support/certificates.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { ConnectProxy, SocksProxy } from "./support/proxies.mjs";
import { closedPort, completion, FakeUpstream, streamText, wellBehaved } from "./support/upstream.mjs";

const authority = new Authority({ after });
const good = authority.issue("good", "DNS:localhost,DNS:vendor.invalid,IP:127.0.0.1");
const trusted = { ca_file: authority.caFile };
const at = (upstream, host = "localhost") => ({ url: `${upstream.scheme}://${host}:${upstream.port}` });
const single = { server: { threads: 1 }, failover: { retries: 0, breaker: { errors: 0 } } };
const start = (t, providers, options) => Gateway.start(t, { ...single, providers }, options);

async function refusal(gateway, model = "up/m") {
  const response = await gateway.chat({ model });
  assert.equal(response.status, 502, response.text);
  const { error } = response.json();
  assert.equal(error.code, "upstream_connect_failed", error.message);
  assert.ok(error.message.includes(model), error.message);
  return error.message;
}

describe("TLS", () => {
  test("is verified against ca_file, by name and by address, and tells the name", async (t) => {
    const names = [];
    const upstream = await FakeUpstream.start(t, wellBehaved, { secure: { ...good, SNICallback: (name, done) => (names.push(name), done(null)) } });
    const gateway = await start(t, { name: compat(at(upstream), { tls: trusted }), address: compat(at(upstream, "127.0.0.1"), { tls: trusted }) });
    for (const model of ["name/m", "address/m"]) {
      const whole = await gateway.chat({ model });
      assert.equal(whole.status, 200, whole.text);
      assert.equal(whole.text, JSON.stringify(completion()));
      assert.equal((await gateway.chat({ model, stream: true })).text, streamText());
    }
    assert.deepEqual([...new Set(names)], ["localhost"], "an address is no server name");
  });

  const problems = {
    "for another name": [{ secure: authority.issue("other", "DNS:other.example") }, { tls: trusted }, /certificate verification failed: .*(host ?name|IP address) mismatch/i],
    "that has expired": [{ secure: authority.issue("expired", "DNS:localhost,IP:127.0.0.1", { expired: true }) }, { tls: trusted }, /certificate verification failed: .*expired/i],
    "signed by itself": [{ secure: authority.issue("selfsigned", "DNS:localhost,IP:127.0.0.1", { selfSigned: true }) }, { tls: trusted }, /certificate verification failed: .*self.signed/i],
    "of an unknown authority": [{ secure: good }, {}, /certificate verification failed: .*(issuer|self.signed)/i],
  };
  for (const [name, [server, provider, says]] of Object.entries(problems)) {
    test(`with a certificate ${name} is refused with the reason`, async (t) => {
      const upstream = await FakeUpstream.start(t, wellBehaved, server);
      const gateway = await start(t, { up: compat(at(upstream), provider), tolerant: compat(at(upstream), { tls: { verify: false } }) });
      assert.match(await refusal(gateway), says);
      assert.equal(upstream.requests.length, 0, "nothing was told to a stranger");
      assert.equal((await gateway.chat({ model: "tolerant/m" })).status, 200, "verify: false is what it says");
    });
  }

  test("verifies server_name where it is given", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved, { secure: good });
    const gateway = await start(t, {
      up: compat(at(upstream, "127.0.0.1"), { tls: { ...trusted, server_name: "wrong.invalid" } }),
      right: compat(at(upstream, "127.0.0.1"), { tls: { ...trusted, server_name: "vendor.invalid" } }),
    });
    assert.match(await refusal(gateway), /verification failed/);
    assert.equal((await gateway.chat({ model: "right/m" })).status, 200);
  });

  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    test(`${version}: further connections resume the session`, async (t) => {
      const closing = (incoming) => incoming.reply(200, completion(), { connection: "close" }).then(() => incoming.end());
      const upstream = await FakeUpstream.start(t, closing, { secure: { ...good, minVersion: version, maxVersion: version } });
      const gateway = await start(t, { up: compat(at(upstream), { tls: trusted }) });
      for (let i = 0; i < 5; ++i) assert.equal((await gateway.chat({ model: "up/m" })).status, 200);
      assert.equal(upstream.connections, 5);
      assert.equal(upstream.resumed, 4);
    });
  }

  test("below 1.2 is not spoken", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved, { secure: { ...good, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } });
    const gateway = await start(t, { up: compat(at(upstream), { tls: trusted }) });
    assert.match(await refusal(gateway), /TLS handshake with localhost failed/);
  });

  test("shows the client certificate where one is wanted", async (t) => {
    const own = authority.issue("gateway", "DNS:gateway", { usage: "clientAuth" });
    const upstream = await FakeUpstream.start(t, wellBehaved, { secure: { ...good, ca: authority.ca, requestCert: true, rejectUnauthorized: true } });
    const gateway = await start(t, {
      up: compat(at(upstream), { tls: trusted }),
      known: compat(at(upstream), { tls: { ...trusted, client_cert: own.certFile, client_key: own.keyFile } }),
    });
    assert.equal((await gateway.chat({ model: "known/m" })).status, 200);
    assert.equal((await gateway.chat({ model: "up/m" })).status, 502);
  });

  test("is not mistaken where the vendor speaks plain HTTP, or nothing at all", async (t) => {
    const plain = await FakeUpstream.start(t, wellBehaved);
    const mute = await FakeUpstream.start(t, wellBehaved, { onConnect: () => true });
    const eager = await FakeUpstream.start(t, wellBehaved, { onConnect: (socket) => (socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), true) });
    const secure = (upstream) => ({ url: `https://localhost:${upstream.port}` });
    const gateway = await start(t, {
      plain: compat(secure(plain), { tls: trusted, timeouts: { connect: "500ms" } }),
      mute: compat(secure(mute), { tls: trusted, timeouts: { connect: "300ms" } }),
      eager: compat(secure(eager), { tls: trusted }),
    });
    assert.match(await refusal(gateway, "mute/m"), /timeouts\.connect/);
    assert.match(await refusal(gateway, "eager/m"), /TLS handshake/);
    await refusal(gateway, "plain/m");
    await gateway.settled();
  });

  test("carries large bodies both ways", async (t) => {
    const text = "é".repeat(700_000);
    const upstream = await FakeUpstream.start(t, (incoming) => incoming.reply(200, completion(incoming.json.messages[0].content)), { secure: good });
    const gateway = await start(t, { up: compat(at(upstream), { tls: trusted }) });
    const response = await gateway.chat({ model: "up/m", messages: [{ role: "user", content: text }] });
    assert.equal(response.json().choices[0].message.content, text);
  });
});

describe("an HTTP proxy", () => {
  test("is asked to CONNECT, for TLS and for plain vendors, and resolves their names", async (t) => {
    const secure = await FakeUpstream.start(t, wellBehaved, { secure: good });
    const plain = await FakeUpstream.start(t, wellBehaved);
    const proxy = await ConnectProxy.start(t);
    const via = { proxy: `http://127.0.0.1:${proxy.port}` };
    const gateway = await start(t, { secure: compat(at(secure, "vendor.invalid"), { ...via, tls: trusted }), plain: compat(at(plain, "vendor.invalid"), via) });
    for (const [model, upstream] of [["secure/m", secure], ["plain/m", plain]]) {
      for (let i = 0; i < 3; ++i) assert.equal((await gateway.chat({ model })).status, 200);
      const mine = proxy.asked.filter((one) => one.authority === `vendor.invalid:${upstream.port}`);
      assert.equal(mine.length, 1, "and the tunnel is kept");
      assert.equal(mine[0].method, "CONNECT");
      assert.equal(mine[0].headers.host, `vendor.invalid:${upstream.port}`);
      assert.ok(!JSON.stringify(mine).includes("sk-upstream"));
      assert.equal(upstream.last.headers.host, `vendor.invalid:${upstream.port}`);
    }
  });

  test("gets user and password, percent-decoded, and only the proxy does", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved);
    const proxy = await ConnectProxy.start(t, { user: "me@corp", password: "p:w/d" });
    const gateway = await start(t, {
      right: compat(at(upstream), { proxy: `http://me%40corp:p%3Aw%2Fd@127.0.0.1:${proxy.port}` }),
      up: compat(at(upstream), { proxy: `http://me:wrong-password@127.0.0.1:${proxy.port}` }),
    });
    assert.equal((await gateway.chat({ model: "right/m" })).status, 200);
    assert.ok(!("proxy-authorization" in upstream.last.headers));
    const message = await refusal(gateway);
    assert.match(message, new RegExp(`proxy 127\\.0\\.0\\.1:${proxy.port}.*407`));
    assert.ok(!(message + gateway.log).includes("wrong-password"));
  });

  const refusals = {
    "that refuses": [{ refuse: "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n" }, /proxy .*403 Forbidden/],
    "that closes": [{ refuse: "\r\n" }, /proxy .*no complete answer/],
    "that talks nonsense": [{ refuse: "hello there\r\n\r\n" }, /proxy .*hello there/],
    "that says too much": [{ refuse: `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(5000)}` }, /proxy .*no complete answer/],
    "that is silent": [{ silent: true }, /timeouts\.connect/],
  };
  for (const [name, [options, says]] of Object.entries(refusals)) {
    test(`${name} is named in the error`, async (t) => {
      const upstream = await FakeUpstream.start(t, wellBehaved);
      const proxy = await ConnectProxy.start(t, options);
      const gateway = await start(t, { up: compat(at(upstream), { proxy: `http://127.0.0.1:${proxy.port}`, timeouts: { connect: "600ms" } }) });
      assert.match(await refusal(gateway), says);
      assert.equal(upstream.connections, 0);
    });
  }

  test("that is not there is named, too", async (t) => {
    const port = await closedPort();
    const gateway = await start(t, { up: compat({ url: "http://vendor.invalid" }, { proxy: `http://127.0.0.1:${port}` }) });
    assert.match(await refusal(gateway), new RegExp(`127\\.0\\.0\\.1:${port}.*refused`));
  });

  test("may itself be reached by TLS", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved, { secure: good });
    const proxy = await ConnectProxy.start(t, { secure: good });
    const gateway = await start(t, { up: compat(at(upstream, "vendor.invalid"), { proxy: `https://localhost:${proxy.port}`, tls: trusted }) });
    const response = await gateway.chat({ model: "up/m" });
    assert.equal(response.status, 200, response.text);
    assert.equal(proxy.asked.length, 1);
  });
});

describe("a SOCKS5 proxy", () => {
  test("gets the name, not an address, with and without a login", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved, { secure: good });
    const open = await SocksProxy.start(t);
    const closed = await SocksProxy.start(t, { user: "me", password: "secret" });
    const gateway = await start(t, {
      open: compat(at(upstream, "vendor.invalid"), { tls: trusted, proxy: `socks5://127.0.0.1:${open.port}` }),
      closed: compat(at(upstream, "vendor.invalid"), { tls: trusted, proxy: `socks5://me:secret@127.0.0.1:${closed.port}` }),
    });
    for (const [model, proxy, login] of [["open/m", open, null], ["closed/m", closed, ["me", "secret"]]]) {
      for (let i = 0; i < 2; ++i) assert.equal((await gateway.chat({ model })).text, JSON.stringify(completion()));
      assert.equal((await gateway.chat({ model, stream: true })).text, streamText());
      assert.deepEqual(proxy.asked, [{ command: 1, type: 3, host: "vendor.invalid", port: upstream.port, login }]);
    }
  });

  const refusals = {
    "that wants a login": [{ user: "me", password: "x" }, "", /proxy .*authentication/],
    "that refuses the login": [{ user: "me", password: "x" }, "me:wrong@", /proxy .*(user name|password)/],
    "that cannot reach the vendor": [{ reply: 5 }, "", /proxy .*connection refused/],
    "that may not": [{ reply: 2 }, "", /proxy .*not allowed/],
    "that is none": [{ noise: "HTTP/1.1 400 Bad Request\r\n\r\n" }, "", /proxy .*not a SOCKS5 proxy/],
  };
  for (const [name, [options, login, says]] of Object.entries(refusals)) {
    test(`${name} is named in the error`, async (t) => {
      const upstream = await FakeUpstream.start(t, wellBehaved);
      const proxy = await SocksProxy.start(t, options);
      const gateway = await start(t, { up: compat(at(upstream), { proxy: `socks5://${login}127.0.0.1:${proxy.port}` }) });
      assert.match(await refusal(gateway), says);
      assert.equal(upstream.connections, 0);
    });
  }

  test("variables of the environment choose no proxy by themselves", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved);
    const url = `http://127.0.0.1:${await closedPort()}`;
    const gateway = await start(t, { up: compat(at(upstream)) }, { env: { HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, http_proxy: url } });
    assert.equal((await gateway.chat({ model: "up/m" })).status, 200);
  });
});
