/** A fenced code block. */
export interface CodeBlock {
  readonly language: string;
  readonly code: string;
}

/** Returns the fenced code blocks of a document in their order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const fenced = markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm);
  return [...fenced].map(([, language = '', code = '']) => ({ language, code }));
}

/** Returns every shell command of a document. */
export function shellLines(markdown: string): string[] {
  const blocks = codeBlocks(markdown).filter(({ language }) => language === 'sh');
  return blocks.flatMap(({ code }) => code.split('\n')).filter((line) => line.trim() !== '');
}

/** Splits a shell command into its words and removes single quotes. */
export function wordsOf(line: string): string[] {
  const words = line.matchAll(/(?:'[^']*'|[^\s'])+/g);
  return [...words].map(([word]) => word.replaceAll("'", ''));
}

/** Returns the targets of the links and images of a document. */
export function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** Returns the anchors that GitHub creates for the headings of a document. */
export function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Returns the inline code of a document, without code blocks. */
export function codeSpans(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** Returns the cells of each row of each table. */
export function tableRows(markdown: string): string[][] {
  const rows = markdown.matchAll(/^\| (.*) \|$/gm);
  return [...rows].map(([, cells = '']) => cells.split(' | ').map((cell) => cell.trim()));
}
