// The two generations of the official SDK's client, with what differs between them behind one face; and what the programs
// have in common that drive them.

// `mode`, of the second generation: which era it looks for.
export async function generation(folder, number, mode = 'auto') {
  const load = (path) => import(`${folder}/@modelcontextprotocol/${path}`);
  if (number === 1) {
    const { Client } = await load('sdk/dist/esm/client/index.js');
    const { StdioClientTransport } = await load('sdk/dist/esm/client/stdio.js');
    const { SSEClientTransport } = await load('sdk/dist/esm/client/sse.js');
    const { StreamableHTTPClientTransport } = await load('sdk/dist/esm/client/streamableHttp.js');
    const types = await load('sdk/dist/esm/types.js');
    return {
      Client, StdioClientTransport, SSEClientTransport, StreamableHTTPClientTransport, options: {},
      call: (client, name, args = {}, options = undefined) =>
        client.callTool({ name, arguments: args }, undefined, options),
      onNotice: (client, method, handler) => client.setNotificationHandler({
        'notifications/resources/updated': types.ResourceUpdatedNotificationSchema,
        'notifications/message': types.LoggingMessageNotificationSchema,
        'notifications/tools/list_changed': types.ToolListChangedNotificationSchema,
      }[method], handler),
      onAsk: (client, method, handler) => client.setRequestHandler({
        'elicitation/create': types.ElicitRequestSchema,
        'sampling/createMessage': types.CreateMessageRequestSchema,
        'roots/list': types.ListRootsRequestSchema,
      }[method], handler),
    };
  }
  const { Client, SSEClientTransport, StreamableHTTPClientTransport } = await load('client/dist/index.mjs');
  const { StdioClientTransport } = await load('client/dist/stdio.mjs');
  return {
    Client, StdioClientTransport, SSEClientTransport, StreamableHTTPClientTransport,
    options: { versionNegotiation: { mode } },
    call: (client, name, args = {}, options = undefined) => client.callTool({ name, arguments: args }, options),
    onNotice: (client, method, handler) => client.setNotificationHandler(method, handler),
    onAsk: (client, method, handler) => client.setRequestHandler(method, handler),
  };
}

// The transport to a cell: {"client": "stdio", "command", "args"} or {"client": "sse" or "http", "url"}.
export function transportOf(sdk, cell, { cwd, env }) {
  switch (cell.client) {
    case 'stdio':
      return new sdk.StdioClientTransport({ command: cell.command, args: cell.args, cwd, env, stderr: 'inherit' });
    case 'sse':
      return new sdk.SSEClientTransport(new URL(cell.url));
    default:
      return new sdk.StreamableHTTPClientTransport(new URL(cell.url));
  }
}

// A step that hangs must not keep the others from being shown.
export function within(seconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const text = (result) => result.content.map((part) => part.text ?? part.type).join('\n');
