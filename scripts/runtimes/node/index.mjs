// The Node.js runtime: asks the Lambda Runtime API for work, runs the handler, reports what came of it.
import { blockNoMore, next, overHttp, post, postAndNext } from "./api.mjs";
import { loadHandler } from "./handler.mjs";
import { beginInvocation, installLogging, logError } from "./logging.mjs";
import { installStreaming, isStreaming, ResponseStream } from "./streaming.mjs";

// Kept before any code of the function's can replace them.
const { stringify, parse } = JSON;
const now = Date.now.bind(Date);
const monotonicMs = performance.now.bind(performance);
const exit = process.exit.bind(process);
const setImmediateNow = setImmediate;
const nodeMajor = Number((process.env.AWS_EXECUTION_ENV ?? "").match(/nodejs(\d+)/)?.[1] ?? 20);

delete process.env.SHLVL;

// What a thrown value looks like to whoever invoked.
function describe(error) {
  if (error instanceof Error || (error && typeof error === "object" && "message" in error && "name" in error)) {
    return { errorType: String(error.name), errorMessage: String(error.message),
      trace: String(error.stack ?? "").split("\n") };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function errorHeaders(described) {
  // Header values are ASCII.
  const type = described.errorType.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
  return { "Lambda-Runtime-Function-Error-Type": type };
}

// The first fault outside any invocation, or that nobody caught, ends the process as on Lambda.
let current = null;
let told = null;  // What is to be posted, once the handler's leavings have had their turn.
function die(error, type) {
  const wrapped = describe(error);
  if (type === "Runtime.UnhandledPromiseRejection") {
    wrapped.errorMessage = error instanceof Error ? error.toString() : String(error);
    wrapped.reason = describe(error);
    wrapped.promise = {};
    wrapped.errorType = type;
    wrapped.trace = [`${type}: ${wrapped.errorMessage}`, ...wrapped.trace.slice(1)];
    logError("Unhandled Promise Rejection", wrapped);
  } else {
    logError("Uncaught Exception", wrapped);
  }
  const last = told ?? { path: current ? `invocation/${current}/error` : "init/error", text: stringify(wrapped),
    headers: errorHeaders(wrapped) };
  const end = () => exit(type === "Runtime.UnhandledPromiseRejection" ? 128 : 129);
  current = told = null;
  Promise.resolve(post(last.path, last.text, last.headers)).then(end, end);
}
process.on("uncaughtException", (error) => die(error, "Runtime.UncaughtException"));
process.on("unhandledRejection", (reason) => die(reason, "Runtime.UnhandledPromiseRejection"));

function contextOf(headers, finish) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  // Node reads header bytes as Latin-1.
  const parsed = (text) => (text ? parse(Buffer.from(text, "latin1").toString("utf8")) : undefined);
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers["lambda-runtime-client-context"]),
    identity: parsed(headers["lambda-runtime-cognito-identity"]),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => deadline - now(),
  };
  if (nodeMajor < 24) {
    context.succeed = (result) => finish(null, result, true);
    context.fail = (error) => finish(error ?? "handled", undefined, true);
    context.done = (error, result) => finish(error, result);
  }
  return context;
}

// Resolves with { value } or { error }. A callback's answer counts once the event loop is empty, unless
// the context says otherwise.
function run(handler, event, headers) {
  return new Promise((resolve) => {
    let decided = false;
    let context;
    const settle = (outcome) => {
      if (decided) return;
      decided = true;
      process.removeListener("beforeExit", empty);
      resolve(outcome);
    };
    let called = null;
    const finish = (error, result, at_once = false) => {
      if (called || decided) return;
      called = error === null || error === undefined ? { value: result } : { error };
      if (at_once || !context.callbackWaitsForEmptyEventLoop) setImmediateNow(() => settle(called));
    };
    // Nothing is left that could answer.
    const empty = () => setImmediateNow(() => settle(called ?? { value: null }));
    process.on("beforeExit", empty);
    context = contextOf(headers, finish);
    let returned;
    try {
      returned = handler(event, context, finish);
    } catch (error) {
      return settle({ error });
    }
    if (returned && typeof returned.then === "function") {
      returned.then((value) => settle({ value }), (error) => settle({ error: error ?? null }));
    } else if (returned !== undefined && handler.length < 3 && called === null && nodeMajor >= 24) {
      settle({ value: returned });
    }
  });
}

function failure(id, error) {
  const described = describe(error);
  logError("Invoke Error", error instanceof Error ? { ...described, ...ownFields(error), stack: described.trace } : described);
  return { path: `invocation/${id}/error`, text: stringify(described), headers: errorHeaders(described) };
}

function ownFields(error) {
  const fields = {};
  for (const key of Object.keys(error)) if (key !== "stack") fields[key] = error[key];
  try {
    stringify(fields);
    return fields;
  } catch {
    return {};
  }
}

// What there is to post; nothing behind a stream, which has been.
async function answer(id, handler, event, headers) {
  if (isStreaming(handler)) {
    const stream = new ResponseStream(await overHttp(), id);
    try {
      await handler(event, stream, contextOf(headers, () => {}));
      await stream.finished();
    } catch (error) {
      if (!stream.begun) return failure(id, error);
      const described = describe(error);
      logError("Invoke Error", described);
      current = null;
      await stream.fail(described);
    }
    return null;
  }
  const outcome = await run(handler, event, headers);
  if ("error" in outcome) return failure(id, outcome.error);
  try {
    return { path: `invocation/${id}/response`, text: stringify(outcome.value === undefined ? null : outcome.value) ?? "null" };
  } catch (error) {
    // Cyclic structures, BigInt, and a toJSON that throws.
    return failure(id, Object.assign(new Error("Unable to stringify response body"),
      { name: "Runtime.MarshalError", cause: error }));
  }
}

// The environment ends: SIGTERM may be on its way, for handlers of the function's.
function waitForTheEnd() {
  setInterval(() => {}, 1 << 30);
}

async function main() {
  installStreaming();
  installLogging();
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, nodeMajor);
  } catch (error) {
    const described = describe(error);
    logError("Uncaught Exception", described);
    await post("init/error", stringify(described), errorHeaders(described));
    return exit(1);
  }
  await new Promise(setImmediateNow);
  if (process.getActiveResourcesInfo().includes("TCPServerWrap")) blockNoMore();
  for (let work = await next(); ;) {
    if (work.status === 410) return waitForTheEnd();
    if (work.status !== 200) return exit(1);
    const id = work.headers["lambda-runtime-aws-request-id"];
    const trace = work.headers["lambda-runtime-trace-id"];
    if (trace) process.env._X_AMZN_TRACE_ID = trace;
    else delete process.env._X_AMZN_TRACE_ID;
    current = id;
    beginInvocation(id);
    const begun = monotonicMs();
    told = await answer(id, handler, parse(work.body), work.headers);
    current = null;
    const handlerUs = Math.round((monotonicMs() - begun) * 1000);
    // What the handler has left behind gets a turn before everything stands still.
    await new Promise(setImmediateNow);
    const last = told;
    told = null;
    work = await (last ? postAndNext(last.path, last.text, last.headers, handlerUs) : next());
  }
}

main().catch((error) => {
  logError("Runtime Error", describe(error));
  exit(1);
});
