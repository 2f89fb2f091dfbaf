// The application of the client scenarios: connects to the suite's server and does there what the scenario wants done.
//
//   node client_driver.mjs NODE_MODULES legacy|modern [HEARTH_BIN] URL
//
// Without HEARTH_BIN it is the client of URL itself. With it, URL is a server of Hearth's, in a home made for this run, and
// the application speaks to Hearth over stdio: what the suite then judges is Hearth's side towards servers. legacy and
// modern are the eras in which the application speaks to Hearth; directly it takes what the scenario is about.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { login } from './oauth.mjs';

const [folder, era, ...rest] = process.argv.slice(2);
const url = rest.at(-1), programs = rest.length > 1 ? rest[0] : undefined;
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const require = createRequire(`${folder}/`);
const sdk = require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

// --- Hearth, when it is the one to be judged

function hearth() {
  const home = mkdtempSync('/tmp/hearth-conformance.');
  const env = { HOME: home, HEARTH_HOME: home, PATH: '/usr/local/bin:/usr/bin:/bin' };
  const program = path.join(programs, 'hearth');
  writeFileSync(path.join(home, 'config.json'), JSON.stringify({ mcpServers: { target: { type: 'http', url } } }));
  process.on('exit', () => {
    spawnSync(program, ['shutdown'], { env, stdio: 'ignore', timeout: 5000 });
    rmSync(home, { recursive: true, force: true });
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(4));
  return new StdioClientTransport({ command: program, args: ['attach', 'target'], env, stderr: 'inherit' });
}

// --- the client

function content({ requestedSchema }) {
  const given = {};
  for (const [name, schema] of Object.entries(requestedSchema?.properties ?? {})) {
    if ('default' in schema) given[name] = schema.default;
    else if (schema.type === 'boolean') given[name] = true;
    else if (schema.type === 'string') given[name] = schema.enum?.[0] ?? 'x';
    else if (schema.type === 'number' || schema.type === 'integer') given[name] = 1;
  }
  return given;
}

async function connect() {
  const withLogin = scenario.startsWith('auth/');
  const speaksModern = programs ? era === 'modern' : process.env.MCP_CONFORMANCE_PROTOCOL_VERSION >= '2026-07-28' || withLogin;
  const client = new sdk.Client({ name: 'conformance-driver', version: '1.0.0' }, {
    capabilities: { sampling: {}, roots: {}, elicitation: { form: {} } },
    versionNegotiation: { mode: speaksModern ? 'auto' : 'legacy' },
  });
  client.setRequestHandler('roots/list', async () => ({ roots: [] }));
  client.setRequestHandler('sampling/createMessage', async () =>
    ({ model: 'none', role: 'assistant', content: { type: 'text', text: 'ok' } }));
  client.setRequestHandler('elicitation/create', async ({ params }) => ({ action: 'accept', content: content(params) }));
  const fetchWith = withLogin ? { fetch: login(sdk, url, scenario, context) } : {};
  await client.connect(programs ? hearth() : new sdk.StreamableHTTPClientTransport(new URL(url), fetchWith));
  return client;
}

// --- what each scenario wants done

const call = (client, name, given = {}) => client.callTool({ name, arguments: given });
const tolerant = (promise) => promise.catch((error) => console.error('not minded:', error.message));

const acts = {
  'initialize': async () => {},
  'json-schema-ref-no-deref': async () => {},
  'request-metadata': async () => {},
  'tools_call': (client) => call(client, 'add_numbers', { a: 5, b: 3 }),
  'elicitation-sep1034-client-defaults': (client) => call(client, 'test_client_elicitation_defaults'),
  'sse-retry': (client) => call(client, 'test_reconnection'),
  async 'json-schema-2020-12-preservation'(client, tools) {
    const schema = tools.find((tool) => tool.name === 'json_schema_2020_12_tool').inputSchema;
    await call(client, 'json_schema_echo', { schema });
  },
  async 'http-standard-headers'(client, tools) {
    await tolerant(call(client, tools[0].name));
    const { resources } = await client.listResources();
    await tolerant(client.readResource({ uri: resources[0].uri }));
    const { prompts } = await client.listPrompts();
    await tolerant(client.getPrompt({ name: prompts[0].name, arguments: {} }));
  },
  async 'http-custom-headers'(client) {
    for (const { name, arguments: given } of context.toolCalls ?? []) await tolerant(call(client, name, given));
  },
  async 'http-invalid-tool-headers'(client, tools) {
    for (const { name } of tools) await tolerant(call(client, name, { region: 'us-west1' }));
  },
  async 'sep-2322-client-request-state'(client) {
    for (const what of ['echo_state', 'no_state', 'unrelated', 'no_result_type'])
      await tolerant(call(client, `test_mrtr_${what}`));
  },
};

let status = 0;
setTimeout(() => {
  console.error('55 s have passed');
  process.exit(3);
}, 55000).unref();
try {
  const client = await connect();
  const act = acts[scenario] ?? (scenario.startsWith('auth/') ? (one) => call(one, 'test-tool') : undefined);
  if (!act) throw new Error(`no way is known to act in the scenario ${scenario}`);
  const { tools } = await client.listTools();
  await act(client, tools);
  await client.close();
} catch (error) {
  console.error('driver:', error?.code ?? '', error?.message ?? error);
  status = 1;
}
process.exit(status);
