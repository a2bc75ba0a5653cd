/** An HTTP server on 127.0.0.1 that serves one file and misbehaves as told, a request at a time. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import { gzipSync } from 'node:zlib';

export type Behaviour =
  | 'whole'
  /** Answers a range with the range; else the whole. */
  | 'range'
  /** Knows no ranges: always sends all. */
  | 'no ranges'
  /** Announces all, sends `bytes` of what was asked for, then drops the connection. */
  | { readonly drop: number }
  /** Sends `bytes`, then nothing, and keeps the connection. */
  | { readonly stall: number }
  /** Answers a range with a range that was not asked for. */
  | 'other range'
  /** Sends the whole with a `Content-Encoding`; a range that begins at its end or after it is refused. */
  | { readonly encoding: string }
  /** Sends some bytes, drops the connection, and says that there is nothing after them. */
  | { readonly endsAt: number }
  | { readonly status: number };

export interface FaultyServer {
  readonly url: string;
  /** What each request asked for: `` for all, else the `Range` header. */
  readonly asked: string[];
}

/** Starts it; request n meets `behaviours[n]`, those after the last one the last. */
export async function faultyServer(content: Uint8Array, behaviours: readonly Behaviour[]): Promise<FaultyServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const behaviour = behaviours[Math.min(asked.length, behaviours.length - 1)]!;
    asked.push(request.headers.range ?? '');
    answer(content, behaviour, request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/file.bin`, asked };
}

function answer(content: Uint8Array, behaviour: Behaviour, request: IncomingMessage, response: ServerResponse): void {
  if (typeof behaviour === 'object' && 'status' in behaviour) {
    response.writeHead(behaviour.status).end('no');
    return;
  }
  const wanted = behaviour === 'no ranges' ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (wanted >= content.length && wanted > 0) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  if (typeof behaviour === 'object' && 'encoding' in behaviour) {
    const packed = gzipSync(content);
    response.writeHead(200, { 'content-encoding': behaviour.encoding, 'content-length': packed.length }).end(packed);
    return;
  }
  if (typeof behaviour === 'object' && 'endsAt' in behaviour) {
    if (wanted > 0) response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    else {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, behaviour.endsAt), () => setTimeout(() => response.destroy(), 20));
    }
    return;
  }
  const start = behaviour === 'other range' && wanted > 0 ? wanted - 1 : wanted;
  const body = content.subarray(start);
  response.writeHead(wanted > 0 ? 206 : 200, {
    'content-length': body.length,
    ...(wanted > 0 && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  if (typeof behaviour === 'object' && 'drop' in behaviour) {
    response.write(body.subarray(0, behaviour.drop), () => setTimeout(() => response.destroy(), 20));
  } else if (typeof behaviour === 'object') response.write(body.subarray(0, behaviour.stall));
  else response.end(body);
}
