/** The package brings no types of its own. */
declare module 'parse-prometheus-text-format' {
  export default function parse(text: string): {
    name: string;
    type: string;
    metrics: { value?: string; count?: string; labels?: Record<string, string> }[];
  }[];
}
