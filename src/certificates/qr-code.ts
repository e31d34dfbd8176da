import QRCode from 'qrcode';

/** White modules around the code, which readers need to find it. */
const QUIET_ZONE = 4;

/** The QR code of a text as SVG: one path, so that no viewer shows seams between the modules. */
export function qrSvg(text: string): string {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' });
  const { size } = modules;
  let path = '';
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; ) {
      const from = column;
      while (column < size && modules.get(row, column)) column++;
      if (column > from) path += `M${from} ${row}h${column - from}v1h-${column - from}z`;
      else column++;
    }
  }
  const box = `${-QUIET_ZONE} ${-QUIET_ZONE} ${size + 2 * QUIET_ZONE} ${size + 2 * QUIET_ZONE}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}"><path d="${path}" fill="#000"/></svg>`;
}
