// `metrics: {compat: litellm}`: dashboards made for LiteLLM find their series.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Gateway } from "./support/gateway.mjs";

test("tells the same under LiteLLM's names, in both formats", async (t) => {
  const gateway = await Gateway.start(t, { providers: { demo: {} }, metrics: { compat: "litellm" } });
  await gateway.chat({ model: "demo-1" });
  await gateway.chat({ model: "demo-1" }, { "x-tollgate-demo": "fault=server_error" });
  assert.ok((await gateway.counted("litellm_proxy_total_requests_metric_total", { requested_model: "demo-1", status_code: 200 })) >= 1);
  assert.ok((await gateway.metric("litellm_proxy_failed_requests_metric_total", { requested_model: "demo-1" })) >= 1);
  assert.equal(await gateway.metric("litellm_total_tokens_metric_total", { model: "demo-1" }),
    await gateway.metric("tollgate_tokens_total", { model: "demo-1" }));
  const open = await gateway.get("/metrics", { accept: "application/openmetrics-text; version=1.0.0" });
  assert.match(open.text, /^# TYPE litellm_request_total_latency_metric histogram$/m);
  assert.match(open.text, /\n# EOF\n$/);
});

test("says nothing of the kind unless told to", async (t) => {
  const gateway = await Gateway.start(t);
  await gateway.chat({ model: "demo-1" });
  assert.ok(!(await gateway.get("/metrics")).text.includes("litellm"));
});
