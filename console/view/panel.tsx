import type { ComponentChildren } from 'preact';

interface PanelProps {
  readonly title: string;
  /** Said beside the title. */
  readonly summary?: string;
  readonly isOpen: boolean;
  readonly children: ComponentChildren;
}

/** A part of the page that can be folded. */
export function Panel({ title, summary = '', isOpen, children }: PanelProps) {
  return (
    <details class="panel" open={isOpen}>
      <summary>
        <h2>{title}</h2>
        <span class="muted cut">{summary}</span>
      </summary>
      {children}
    </details>
  );
}
