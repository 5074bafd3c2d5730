// Finds the function that "folder/file.name" stands for.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

function fault(type, message, cause) {
  const error = new Error(message);
  error.name = type;
  if (cause?.stack) error.stack = `${type}: ${message}\n${String(cause.stack).split("\n").slice(1).join("\n")}`;
  return error;
}

function isModule(file) {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs")) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const description = path.join(folder, "package.json");
    if (fs.existsSync(description)) {
      try {
        return JSON.parse(fs.readFileSync(description, "utf8")).type === "module";
      } catch {
        return false;
      }
    }
    if (folder === path.dirname(folder) || folder === process.env.LAMBDA_TASK_ROOT) return false;
  }
}

function fileOf(root, module) {
  for (const ending of [".js", ".mjs", ".cjs"]) {
    const file = path.resolve(root, module + ending);
    if (fs.existsSync(file)) return file;
  }
  return null;
}

async function load(root, module) {
  const file = fileOf(root, module);
  try {
    if (file && isModule(file)) return await import(pathToFileURL(file).href);
    const require = createRequire(path.join(root, "index.js"));
    return require(file ?? path.resolve(root, module));
  } catch (error) {
    if (error instanceof SyntaxError) throw fault("Runtime.UserCodeSyntaxError", error.toString(), error);
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND")
      throw fault("Runtime.ImportModuleError", error.toString(), error);
    throw error;
  }
}

export async function loadHandler(root, text, nodeMajor) {
  if (text.includes("..")) {
    throw fault("Runtime.MalformedHandlerName", `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const file = path.basename(text);
  const dot = file.indexOf(".");
  if (dot <= 0 || dot === file.length - 1) throw fault("Runtime.MalformedHandlerName", "Bad handler");
  const module = path.join(text.slice(0, text.length - file.length), file.slice(0, dot));
  const loaded = await load(root, module);
  const find = (from) => file.slice(dot + 1).split(".").reduce((at, name) => at?.[name], from);
  const handler = find(loaded) ?? find(loaded?.default);
  if (!handler) throw fault("Runtime.HandlerNotFound", `${text} is undefined or not exported`);
  if (typeof handler !== "function") throw fault("Runtime.HandlerNotFound", `${text} is not a function`);
  if (nodeMajor >= 24 && handler.length >= 3 && !handler[Symbol.for("aws.lambda.runtime.handler.streaming")])
    throw fault("Runtime.CallbackHandlerDeprecated", "ERROR: AWS Lambda has removed support for callback-based " +
      "function handlers starting with Node.js 24. You need to modify this function to use a supported handler " +
      "signature to use Node.js 24 or later.");
  return handler;
}
