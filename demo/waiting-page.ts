import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

const RETRY_AFTER_S = 2;
const WORDS = [
  ['kk', 'Көрсету нұсқасы дайындалып жатыр: отбасылардың соңғы айлардағы істері жүргізілуде. Бет өздігінен жаңарады.'],
  ['ru', 'Демонстрационная версия готовится: дела семей ведутся через последние месяцы. Страница обновится сама.'],
  ['en', 'The demonstration is being prepared: families are led through the last months. This page reloads by itself.'],
] as const;

/** Answers at the address of the centre until the centre itself does: with how far the preparation is. */
export class WaitingPage {
  private line = '';

  private constructor(private readonly server: Server) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const html = request.headers.accept?.includes('text/html') === true;
      response.writeHead(503, {
        'retry-after': String(RETRY_AFTER_S),
        'cache-control': 'no-store',
        'content-type': html ? 'text/html; charset=utf-8' : 'application/problem+json',
      });
      response.end(html ? this.page() : JSON.stringify(this.problem()));
    });
  }

  static async open(address: { host: string; port: number }): Promise<WaitingPage> {
    const server = createServer();
    const page = new WaitingPage(server);
    server.listen(address);
    await once(server, 'listening');
    return page;
  }

  /** How far it is: a plain line. */
  tell(line: string): void {
    this.line = line.trim();
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private page(): string {
    const words = WORDS.map(([language, text]) => `<p lang="${language}">${text}</p>`).join('');
    return `<!doctype html><html lang="kk"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="${RETRY_AFTER_S}"><title>Qamqor</title><h1>Qamqor</h1>${words}<p>${this.line}</p></html>`;
  }

  private problem() {
    const detail = WORDS.map(([, text]) => text).join(' ');
    return { type: 'about:blank', title: 'Starting', status: 503, code: 'starting', detail, progress: this.line };
  }
}
