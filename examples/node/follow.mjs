// Follows moodline's event feed without any package: REDIS_URL=redis://... node follow.mjs
// Prints each event as a line of JSON. With the npm package `redis`, the class Redis here is not needed.

import net from 'node:net';

const FEED = 'moodline:{p0}:feed'; // with more partitions: {p1}, {p2} and so on as well
const AGAIN_AFTER_MS = 1000;

// Reads one RESP2 reply at `at`: [value, where it ends], or null while its bytes have not all come.
function parse(bytes, at) {
  const end = bytes.indexOf('\r\n', at);
  if (end < 0) return null;
  const line = bytes.toString('utf8', at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(bytes[at])) {
    case '+': return [line, next];
    case '-': return [new Error(line), next];
    case ':': return [Number(line), next];
    case '$': return parseText(bytes, next, Number(line));
    case '*': return parseList(bytes, next, Number(line));
    default: throw new Error(`No RESP reply: ${line}`);
  }
}

function parseText(bytes, at, length) {
  if (length < 0) return [null, at];
  return bytes.length < at + length + 2 ? null : [bytes.toString('utf8', at, at + length), at + length + 2];
}

function parseList(bytes, at, length) {
  if (length < 0) return [null, at];
  const items = [];
  for (let next = at; ; ) {
    if (items.length === length) return [items, next];
    const found = parse(bytes, next);
    if (!found) return null;
    items.push(found[0]);
    next = found[1];
  }
}

class Redis {
  constructor(address) {
    const url = new URL(address);
    this.socket = url.protocol === 'unix:'
      ? net.connect(decodeURIComponent(url.pathname))
      : net.connect(Number(url.port) || 6379, url.hostname);
    this.url = url;
    this.bytes = Buffer.alloc(0);
    this.waiting = [];
    this.socket.on('data', (data) => this.receive(data));
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('close', () => this.fail(new Error('Redis has closed the connection.')));
  }

  async login() {
    const { username, password, pathname, protocol } = this.url;
    if (password) await this.send('AUTH', decodeURIComponent(username) || 'default', decodeURIComponent(password));
    if (protocol !== 'unix:' && pathname.length > 1) await this.send('SELECT', pathname.slice(1));
  }

  send(...words) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.socket.write(`*${words.length}\r\n${parts.join('')}`);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  receive(data) {
    this.bytes = Buffer.concat([this.bytes, data]);
    for (let found = parse(this.bytes, 0); found; found = this.bytes.length ? parse(this.bytes, 0) : null) {
      this.bytes = this.bytes.subarray(found[1]);
      const { resolve, reject } = this.waiting.shift();
      if (found[0] instanceof Error) reject(found[0]);
      else resolve(found[0]);
    }
  }

  fail(error) {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}

async function* events(address) {
  let last = null;
  for (;;) {
    const redis = new Redis(address);
    try {
      await redis.login();
      last ??= (await redis.send('XREVRANGE', FEED, '+', '-', 'COUNT', '1'))[0]?.[0] ?? '0';
      for (;;) {
        const found = await redis.send('XREAD', 'COUNT', '100', 'BLOCK', '5000', 'STREAMS', FEED, last);
        for (const [id, fields] of found?.[0][1] ?? []) {
          last = id;
          yield JSON.parse(fields[fields.indexOf('event') + 1]);
        }
      }
    } catch (error) {
      console.error(`# ${error.message}`); // Redis is away: nothing is lost, for it goes on after `last`
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    } finally {
      redis.socket.destroy();
    }
  }
}

for await (const event of events(process.env.REDIS_URL)) console.log(JSON.stringify(event));
