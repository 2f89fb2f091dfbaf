// The two generations of the official SDK's client, with what differs between them behind one face.

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
