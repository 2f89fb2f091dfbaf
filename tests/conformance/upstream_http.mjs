// What the reference servers have in common where they speak HTTP.

// What was sent, so that a stream that broke can be gone on with. Event ids name their stream.
export class EventStore {
  events = [];

  async storeEvent(stream, message) {
    const id = `${stream}_${String(this.events.length).padStart(8, '0')}`;
    this.events.push({ id, stream, message });
    return id;
  }

  async getStreamIdForEventId(id) {
    return id.slice(0, id.lastIndexOf('_'));
  }

  async replayEventsAfter(last, { send }) {
    const stream = await this.getStreamIdForEventId(last);
    for (const event of this.events) {
      const empty = Object.keys(event.message ?? {}).length === 0;
      if (event.stream === stream && event.id > last && !empty) await send(event.id, event.message);
    }
    return stream;
  }
}

const local = (host) => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host ?? '');

export function refuse(response, status, code, message) {
  response.status(status).json({ jsonrpc: '2.0', error: { code, message }, id: null });
}

// Express middleware: a page in a browser that pretends to be elsewhere gets nothing.
export function guard(request, response, next) {
  const origin = request.headers.origin?.replace(/^https?:\/\//, '');
  if (local(request.headers.host) && (origin === undefined || local(origin))) next();
  else refuse(response, 403, -32000, 'This host or origin is not served');
}
