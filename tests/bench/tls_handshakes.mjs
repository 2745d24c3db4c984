// TLS handshakes against the gateway and nginx, in turns, with the same P-256 certificate and one worker each.
// Usage: node tests/bench/tls_handshakes.mjs [rounds] [seconds]; TOLLGATE_BIN names another build.
// CPU per handshake is the server's own, from /proc, so the client's cost and other load do not count in it.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "../integration/support/bounded.mjs";
import { Authority } from "../integration/support/certificates.mjs";
import { Gateway } from "../integration/support/gateway.mjs";
import { closedPort } from "../integration/support/upstream.mjs";

const rounds = Number(process.argv[2] ?? 5);
const seconds = Number(process.argv[3] ?? 3);
const cleanups = [];
const t = { after: (work) => cleanups.unshift(work) };
const kTick = 10; // ms: sysconf(_SC_CLK_TCK) is 100 on Linux

function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * kTick;
}
/// Full handshakes within `seconds`: {count, rate, cpu (microseconds of the server for each)}.
function measure({ port, pid }, options) {
  return new Promise((resolve, reject) => {
    const before = cpuMs(pid);
    const child = spawn("openssl", ["s_time", "-connect", `127.0.0.1:${port}`, "-new", "-time", String(seconds), ...options], { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (data) => (text += data));
    child.on("error", reject).on("close", () => {
      const count = Number(/(\d+) connections in \d+ real seconds/.exec(text)?.[1] ?? 0);
      if (count === 0) return reject(new Error(text));
      resolve({ count, rate: count / seconds, cpu: ((cpuMs(pid) - before) * 1000) / count });
    });
  });
}

async function startNginx({ certFile, keyFile }) {
  const dir = mkdtempSync(join(tmpdir(), "tollgate-bench-"));
  const port = await closedPort();
  writeFileSync(join(dir, "nginx.conf"), `
daemon off; master_process off; pid ${dir}/pid;
events { worker_connections 512; }
http {
  access_log off;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/${name};`).join(" ")}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1:secp384r1; ssl_session_tickets on;
    location / { return 200; }
  }
}
`);
  const child = spawn("/usr/sbin/nginx", ["-p", dir, "-e", join(dir, "error.log"), "-c", join(dir, "nginx.conf")], { stdio: "ignore" });
  t.after(() => (child.kill("SIGKILL"), rmSync(dir, { recursive: true })));
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { port, pid: child.pid };
}

try {
  const certificate = new Authority(t).issue("bench", "DNS:localhost");
  const gateway = await Gateway.start(t, {
    providers: { demo: {} },
    server: { threads: 1, listen: ["http://127.0.0.1:0", "127.0.0.1:0"], tls: { cert: certificate.certFile, key: certificate.keyFile } },
  });
  const servers = { gateway: { port: gateway.ports[1], pid: gateway.pid }, nginx: await startNginx(certificate) };
  for (const [name, options] of Object.entries({ "TLS 1.3": ["-tls1_3"], "TLS 1.2": ["-tls1_2"] })) {
    const results = { gateway: [], nginx: [] };
    for (const server of Object.values(servers)) await measure(server, options); // warm
    for (let round = 0; round < rounds; ++round) {
      for (const which of round % 2 === 0 ? ["gateway", "nginx"] : ["nginx", "gateway"]) results[which].push(await measure(servers[which], options));
    }
    const middle = (which, what) => median(results[which].map((one) => one[what]));
    const ratio = (what) => median(results.gateway.map((one, i) => one[what] / results.nginx[i][what]));
    console.log(`${name}: gateway ${middle("gateway", "cpu").toFixed(0)} us CPU per handshake, ${middle("gateway", "rate").toFixed(0)}/s; ` +
      `nginx ${middle("nginx", "cpu").toFixed(0)} us, ${middle("nginx", "rate").toFixed(0)}/s; ` +
      `handshakes per CPU second, gateway / nginx: ${(1 / ratio("cpu")).toFixed(2)}`);
  }
} finally {
  for (const work of cleanups) await work();
}
