// The reference server of 2026-07-28: on the official SDK (2.x), with every fixture that the conformance suite asks for.
//
//   node modern_upstream.mjs NODE_MODULES stdio | http PORT [only-modern]
//
// It speaks both eras on one pipe or URL (over HTTP: 2025 with sessions and resumption, 2026-07-28 without), or with
// only-modern turns away who says initialize. PORT 0 takes one that is free. When it can be connected to, it prints
// "listening on PORT".

import { randomBytes, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

import * as fixtures from './fixtures.mjs';
import { EventStore, guard, refuse } from './upstream_http.mjs';

const [folder, mode, ...rest] = process.argv.slice(2);
const onlyModern = rest.includes('only-modern');
const require = createRequire(`${folder}/`);
const express = require('express');
const sdk = require('@modelcontextprotocol/server');
const { serveStdio } = require('@modelcontextprotocol/server/stdio');
const { NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } = require('@modelcontextprotocol/node');

const states = sdk.createRequestStateCodec({ key: randomBytes(32), ttlSeconds: 600 });
let tellListeners;  // Of modern clients over HTTP, where a request has a server of its own.

// --- what one call knows and can do

const elicit = (question) => sdk.inputRequired.elicit(question);
const sample = (words) => sdk.inputRequired.createMessage(fixtures.sampling(words));

function callOf(server, era, context) {
  const request = context.mcpReq;
  const modern = era === 'modern';
  const answer = (key) => sdk.inputResponse(request.inputResponses, key);
  const call = {
    request, modern, answer,
    declared: (modern ? request.envelope?.[sdk.CLIENT_CAPABILITIES_META_KEY] : server.getClientCapabilities()) ?? {},
    has: (...keys) => keys.every((key) => answer(key).kind !== 'missing'),
    // The answer, if it came with the request, made into a result; else the question.
    asked: (key, question, done) =>
      call.has(key) ? done(answer(key)) : sdk.inputRequired({ inputRequests: { [key]: question } }),
    round: async (inputRequests, step) => sdk.inputRequired({ inputRequests, requestState: await states.mint({ step }) }),
    step: () => request.requestState()?.step,
    endStream: () => context.http?.closeSSE?.(),
    changed(kind) {
      if (modern && tellListeners) return tellListeners[`${kind}Changed`]();
      return kind === 'tools' ? server.sendToolListChanged() : server.sendPromptListChanged();
    },
  };
  return call;
}

// --- the tools that do more than answer

const { text, questions } = fixtures;

const form = (tool, label) => async (given, call) => {
  const question = { message: given.message ?? 'Please', requestedSchema: fixtures.forms[tool] };
  const done = (answer) => text(`${label}: action=${answer.action}, content=${JSON.stringify(answer.content)}`);
  if (!call.modern) return done(await call.request.elicitInput({ mode: 'form', ...question }));
  return call.asked('form', elicit(question), done);
};

const acting = {
  async test_tool_with_logging(given, { request }) {
    for (const words of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await request.log('info', words);
      await sleep(50);
    }
    return text('logged');
  },
  async test_logging_tool(given, { request }) {
    await request.log('info', 'only when asked');
    return text('logged');
  },
  async test_tool_with_progress(given, { request }) {
    const progressToken = request._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined)
        await request.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      await sleep(50);
    }
    return text('done');
  },
  async test_sampling(given, call) {
    if (call.modern) return call.asked('sampling', sample(given.prompt), (answer) => text(JSON.stringify(answer)));
    return text(`LLM response: ${(await call.request.requestSampling(fixtures.sampling(given.prompt))).content.text}`);
  },
  test_elicitation: form('test_elicitation', 'User response'),
  test_elicitation_sep1034_defaults: form('test_elicitation_sep1034_defaults', 'Elicitation completed'),
  test_elicitation_sep1330_enums: form('test_elicitation_sep1330_enums', 'Elicitation completed'),
  async test_reconnection(given, call) {
    await sleep(100);
    call.endStream();
    await sleep(300);
    return text('reconnected');
  },
  async test_trigger_tool_change(given, call) {
    await call.changed('tools');
    return text('changed');
  },
  async test_trigger_prompt_change(given, call) {
    await call.changed('prompts');
    return text('changed');
  },
  async test_missing_capability(given, { declared }) {
    if (declared.sampling) return text('has sampling');
    throw new sdk.MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
  },
  test_streaming_elicitation: async (given, call) => call.asked('q', elicit(questions.stream), () => text('ok')),
  async test_input_required_result_elicitation(given, { request }) {
    const name = sdk.acceptedContent(request.inputResponses, 'user_name')?.name;
    if (typeof name === 'string') return text(`Hello, ${name}!`);
    return sdk.inputRequired({ inputRequests: { user_name: elicit(questions.name) } });
  },
  test_input_required_result_sampling: async (given, call) =>
    call.asked('capital_question', sample('What is the capital of France?'), (answer) => text(JSON.stringify(answer))),
  test_input_required_result_list_roots: async (given, call) =>
    call.asked('client_roots', sdk.inputRequired.listRoots(), (answer) => text(JSON.stringify(answer))),
  async test_input_required_result_request_state(given, call) {
    if (call.has('confirm') && call.step() === 'asked') return text('state-ok');
    return call.round({ confirm: elicit(questions.confirm) }, 'asked');
  },
  async test_input_required_result_multiple_inputs(given, call) {
    if (call.has('user_name', 'greeting', 'client_roots')) return text('all inputs received');
    return call.round({
      user_name: elicit(questions.name), greeting: sample('Generate a greeting'), client_roots: sdk.inputRequired.listRoots(),
    }, 'multi');
  },
  async test_input_required_result_multi_round(given, call) {
    if (call.step() === 2 && call.has('step2')) return text('multi-round done');
    if (call.step() === 1 && call.has('step1')) return call.round({ step2: elicit(questions.step2) }, 2);
    return call.round({ step1: elicit(questions.step1) }, 1);
  },
  async test_input_required_result_capabilities(given, { request, declared }) {
    const inputRequests = {
      ...(declared.sampling ? { sampling: sample('hi') } : {}),
      ...(declared.elicitation ? { name: elicit(questions.name) } : {}),
    };
    const answered = Object.keys(request.inputResponses ?? {}).length > 0;
    return answered || Object.keys(inputRequests).length === 0 ? text('done') : sdk.inputRequired({ inputRequests });
  },
};
acting.test_input_required_result_tampered_state = acting.test_input_required_result_request_state;

// --- one conversation

function found(value, what) {
  if (value === undefined) throw new sdk.ProtocolError(-32602, `Unknown ${what}`);
  return value;
}

function conversation({ era = 'legacy' } = {}) {
  const server = new sdk.Server({ name: 'reference', version: '2.0.0' }, {
    capabilities: {
      tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true },
      completions: {}, logging: {},
    },
    requestState: { verify: states.verify },
    cacheHints: { 'tools/list': { ttlMs: 1000, cacheScope: 'private' } },
  });
  const on = (method, handler) => server.setRequestHandler(method, handler);
  on('tools/list', async () => ({ tools: fixtures.tools }));
  on('tools/call', async ({ params }, context) => {
    const answer = found(fixtures.fixedAnswers[params.name] ?? acting[params.name], `tool: ${params.name}`);
    return answer(params.arguments ?? {}, callOf(server, era, context));
  });
  on('resources/list', async () => ({ resources: fixtures.resources }));
  on('resources/templates/list', async () => ({ resourceTemplates: fixtures.templates }));
  on('resources/read', async ({ params }) => {
    const contents = fixtures.contentsOf(params.uri);
    if (contents === undefined) throw new sdk.ResourceNotFoundError(params.uri);
    return contents;
  });
  on('resources/subscribe', async () => ({}));
  on('resources/unsubscribe', async () => ({}));
  on('prompts/list', async () => ({ prompts: fixtures.prompts }));
  on('prompts/get', async ({ params }, context) => {
    if (params.name !== fixtures.askingPrompt)
      return found(fixtures.promptOf(params.name, params.arguments), `prompt: ${params.name}`);
    const call = callOf(server, era, context);
    if (!call.modern) return fixtures.askedPrompt((await call.request.elicitInput(questions.context)).content);
    return call.asked('user_context', elicit(questions.context), (answer) => fixtures.askedPrompt(answer.content));
  });
  on('completion/complete', async () => ({ completion: { values: ['paris', 'park'], total: 2, hasMore: false } }));
  return server;
}

// --- over HTTP

// What is wrong with the headers in which arguments are repeated; nothing if nothing is.
function faultOfParamHeaders({ body, headers }) {
  if (body?.method !== 'tools/call') return undefined;
  const schema = fixtures.tools.find((tool) => tool.name === body.params?.name)?.inputSchema;
  for (const [name, { 'x-mcp-header': label }] of Object.entries(schema?.properties ?? {})) {
    if (label === undefined) continue;
    const wanted = body.params?.arguments?.[name];
    const sent = headers[`mcp-param-${label.toLowerCase()}`];
    if ((wanted === undefined) !== (sent === undefined)) return `Mcp-Param-${label} is missing, or not expected`;
    if (wanted === undefined) continue;
    const encoded = /^=\?base64\?(.*)\?=$/i.exec(sent)?.[1];
    const value = encoded === undefined ? sent : Buffer.from(encoded, 'base64').toString('utf8');
    if (encoded !== undefined && Buffer.from(encoded, 'base64').toString('base64') !== encoded)
      return `Mcp-Param-${label} is not base64`;
    if (value !== String(wanted)) return `Mcp-Param-${label} is not what the body says`;
  }
  return undefined;
}

function modernHandler() {
  const handler = sdk.createMcpHandler(conversation, { legacy: 'reject' });
  tellListeners = handler.notify;
  const onward = toNodeHandler(handler);
  return (request, response) => {
    const fault = request.headers['mcp-protocol-version'] >= '2026-07-28' && faultOfParamHeaders(request);
    if (!fault) return onward(request, response, request.body);
    return response.status(400).json({ jsonrpc: '2.0', id: request.body.id ?? null, error: { code: -32020, message: fault } });
  };
}

function legacyHandler() {
  const sessions = new Map();
  return async (request, response) => {
    const id = request.headers['mcp-session-id'];
    if (sessions.has(id)) return sessions.get(id).handleRequest(request, response, request.body);
    if (id !== undefined) return refuse(response, 404, -32001, 'Session not found');
    if (!sdk.isInitializeRequest(request.body)) return refuse(response, 400, -32000, 'A session id is needed');
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID, eventStore: new EventStore(), retryInterval: 500,
      onsessioninitialized: (made) => { sessions.set(made, transport); },
    });
    transport.onclose = () => sessions.delete(transport.sessionId);
    await conversation().connect(transport);
    return transport.handleRequest(request, response, request.body);
  };
}

if (mode === 'stdio') {
  serveStdio(conversation, { legacy: onlyModern ? 'reject' : 'serve' });
} else {
  const app = express();
  app.use(guard);
  app.use(express.json({ limit: '64mb' }));
  const modern = modernHandler(), legacy = legacyHandler();
  app.all('/mcp', async (request, response) => {
    const isLegacy = !onlyModern && await sdk.isLegacyRequest(await toWebRequest(request, request.body));
    await (isLegacy ? legacy : modern)(request, response);
  });
  const listener = app.listen(Number(rest[0]), '127.0.0.1', () => {
    console.log(`listening on ${listener.address().port}`);
  });
}
