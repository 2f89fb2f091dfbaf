// Holds messages against the JSON schemas of MCP's revisions, as the official conformance suite carries them in itself.
//
//   node schema_check.mjs NODE_MODULES < {"messages": [{"revision", "method" (that an answer is to), "message"}, …]}
//
// Prints one JSON object: {"checked": N, "wrong": [{"index", "errors": […]}, …]}. The suite
// has no schema of 2024-11-05; what is said there is held against that of 2025-03-26, which only adds to it.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const folder = process.argv[2];
const require = createRequire(path.join(folder, '@modelcontextprotocol', 'conformance', 'package.json'));
const { Ajv } = require('ajv');
const { Ajv2020 } = require('ajv/dist/2020.js');
const addFormats = require('ajv-formats');

// The end of the object literal that begins at `start`: the suite is one minified file, and they are constants in it.
function literalAt(source, start) {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    const letter = source[at];
    if (letter === '`' || letter === '"' || letter === "'") {
      for (at++; source[at] !== letter; at++) if (source[at] === '\\') at++;
    } else if (letter === '{' || letter === '[') depth++;
    else if (letter === '}' || letter === ']') {
      if (--depth === 0) return source.slice(start, at + 1);
    }
  }
  throw new Error('a schema without an end');
}

function schemas() {
  const source = readFileSync(path.join(folder, '@modelcontextprotocol', 'conformance', 'dist', 'index.js'), 'utf8');
  const beginnings = [...source.matchAll(/=(\{\$schema:`https?:[^`]*schema#?`,(?:definitions|\$defs):)/g)];
  const found = beginnings.map(({ index }) => (0, eval)(`(${literalAt(source, index + 1)})`));
  const definitions = (schema) => schema.$defs ?? schema.definitions;
  // Each revision by what it brought.
  const tells = {
    '2026-07-28': (has) => has('DiscoverRequest'),
    '2025-11-25': (has) => has('CreateTaskResult') && !has('DiscoverRequest'),
    '2025-06-18': (has) => has('ElicitRequest') && !has('CreateTaskResult') && !has('DiscoverRequest'),
    '2025-03-26': (has) => has('JSONRPCBatchRequest'),
  };
  const byRevision = {};
  for (const [revision, tell] of Object.entries(tells)) {
    byRevision[revision] = found.find((schema) => definitions(schema) && tell((name) => name in definitions(schema)));
    if (!byRevision[revision]) throw new Error(`the suite has no schema of ${revision} any more`);
  }
  byRevision['2024-11-05'] = byRevision['2025-03-26'];
  return byRevision;
}

class Checker {
  constructor(schema) {
    const ajv = new (schema.$defs ? Ajv2020 : Ajv)({ strict: false, allErrors: true });
    addFormats(ajv);
    ajv.addFormat('byte', true);
    ajv.addSchema({ ...schema, $id: 'mcp' });
    this.section = schema.$defs ? '$defs' : 'definitions';
    this.definitions = schema[this.section];
    this.ajv = ajv;
    this.compiled = new Map();
    this.ofMethod = new Map();
    for (const [name, { properties }] of Object.entries(this.definitions)) {
      const method = properties?.method?.const;
      if (method) this.ofMethod.set(method, name);
    }
  }

  fits(name, value) {
    if (!this.compiled.has(name)) this.compiled.set(name, this.ajv.compile({ $ref: `mcp#/${this.section}/${name}` }));
    const validate = this.compiled.get(name);
    return validate(value) ? [] : validate.errors.map(({ instancePath, message }) => `${name}${instancePath}: ${message}`);
  }

  first(...names) {
    return names.find((name) => name in this.definitions);
  }

  resultOf(method, result) {
    if (result?.resultType === 'task') return undefined;  // Of an extension.
    if (result?.resultType === 'input_required') return this.first('InputRequiredResult');
    if (result?.task && 'CreateTaskResult' in this.definitions) return 'CreateTaskResult';
    const request = this.ofMethod.get(method);
    return request && this.first(request.replace(/Request$/, 'Result'));
  }

  check(message, method) {
    if (message.method !== undefined) {
      const shape = this.ofMethod.get(message.method);
      return this.fits(shape ?? ('id' in message ? 'JSONRPCRequest' : 'JSONRPCNotification'), message);
    }
    if (message.error !== undefined) return this.fits(this.first('JSONRPCErrorResponse', 'JSONRPCError'), message);
    const wrong = this.fits(this.first('JSONRPCResultResponse', 'JSONRPCResponse'), message);
    const shape = this.resultOf(method, message.result);
    return shape ? [...wrong, ...this.fits(shape, message.result)] : wrong;
  }
}

const checkers = Object.fromEntries(Object.entries(schemas()).map(([revision, schema]) => [revision, new Checker(schema)]));
const { messages } = JSON.parse(readFileSync(0, 'utf8'));
const wrong = [];
messages.forEach(({ revision, method, message }, index) => {
  const errors = checkers[revision].check(message, method);
  if (errors.length) wrong.push({ index, errors: errors.slice(0, 4) });
});
console.log(JSON.stringify({ checked: messages.length, wrong }));
