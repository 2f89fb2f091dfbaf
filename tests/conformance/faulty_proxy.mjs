// An HTTP proxy that loses things on purpose: it shows that the conformance runner would notice.
//
//   node faulty_proxy.mjs TARGET_PORT [TEXT]
//
// Everything passes as it is, but the first event of each answer that holds TEXT. When it can be connected to, it
// prints "listening on PORT".

import http from 'node:http';

const [targetPort, lost] = process.argv.slice(2);

function withoutLost(from, to) {
  let held = '', dropped = false;
  from.on('data', (chunk) => {
    held += chunk;
    for (let end; (end = held.indexOf('\n\n')) >= 0; held = held.slice(end + 2)) {
      const event = held.slice(0, end + 2);
      if (!dropped && event.includes(lost)) dropped = true;
      else to.write(event);
    }
  });
  from.on('end', () => to.end(held));
}

const listener = http.createServer((request, response) => {
  const { method, url: path, headers } = request;
  const onward = http.request({ host: '127.0.0.1', port: targetPort, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    response.flushHeaders();
    if (lost && answer.headers['content-type']?.startsWith('text/event-stream')) withoutLost(answer, response);
    else answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}).listen(0, '127.0.0.1', () => console.log(`listening on ${listener.address().port}`));
