import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface VirtualRowsProps<Row> {
  readonly count: number;
  readonly rowAt: (index: number) => Row;
  readonly keyOf: (row: Row) => string | number;
  readonly label: string;
  readonly role: 'listbox' | 'tree';
  readonly selected: string | number | undefined;
  readonly onSelect: (row: Row) => void;
  /** Other keys than those that move: whether the key meant something. */
  readonly onKey?: (key: string, row: Row) => boolean;
  readonly onEscape: () => void;
  readonly attributesOf?: (row: Row) => Record<string, string | number | boolean | undefined>;
  /** How many rows have come in at the top since the beginning: who has scrolled away keeps seeing what was seen. */
  readonly addedAtTop?: number;
  readonly children: (row: Row) => ComponentChildren;
  readonly empty: ComponentChildren;
}

/** As in style.css. */
const rowHeight = 28;
const rowsBeyond = 8;

/** A list of any length, of which only the rows that are seen exist. One stop for Tab; arrow keys move the selection. */
export function VirtualRows<Row>(props: VirtualRowsProps<Row>) {
  const { count, rowAt, keyOf, selected, role } = props;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const { top, height } = useWindow(box, props.addedAtTop);
  const first = Math.max(0, Math.floor(top / rowHeight) - rowsBeyond);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + rowsBeyond);
  const rows = Array.from({ length: Math.max(0, end - first) }, (_, index) => rowAt(first + index));
  const isSeen = rows.some((row) => keyOf(row) === selected);
  return (
    // biome-ignore-start lint/a11y: the roles, a list or tree and its entries, are known only when it runs; the list takes the keys
    <div
      ref={box}
      class="rows"
      role={role}
      aria-label={props.label}
      tabIndex={0}
      aria-activedescendant={isSeen ? `${id}-${selected}` : undefined}
      onKeyDown={(event) => {
        if (handleKey(event.key, props, box.current!)) event.preventDefault();
      }}
    >
      {count === 0 && <div class="empty">{props.empty}</div>}
      <div class="rows-all" style={{ height: `${count * rowHeight}px` }}>
        <div class="rows-seen" style={{ transform: `translateY(${first * rowHeight}px)` }}>
          {rows.map((row) => (
            <div
              key={keyOf(row)}
              id={`${id}-${keyOf(row)}`}
              class="row"
              role={role === 'tree' ? 'treeitem' : 'option'}
              aria-selected={keyOf(row) === selected}
              tabIndex={-1}
              onClick={() => props.onSelect(row)}
              {...props.attributesOf?.(row)}
            >
              {props.children(row)}
            </div>
          ))}
        </div>
      </div>
    </div>
    // biome-ignore-end lint/a11y: from here on roles are fixed
  );
}

/** What of the list is seen, in pixels. */
function useWindow(box: { readonly current: HTMLDivElement | null }, addedAtTop = 0) {
  const [seen, setSeen] = useState({ top: 0, height: 0 });
  const added = useRef(addedAtTop);
  useLayoutEffect(() => {
    const element = box.current!;
    const look = () => setSeen({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  useLayoutEffect(() => {
    const element = box.current!;
    if (element.scrollTop > 0) element.scrollTop += (addedAtTop - added.current) * rowHeight;
    added.current = addedAtTop;
  }, [addedAtTop]);
  return seen;
}

function handleKey<Row>(key: string, props: VirtualRowsProps<Row>, box: HTMLDivElement): boolean {
  const { count, rowAt, keyOf, selected, onSelect, onKey, onEscape } = props;
  if (key === 'Escape') onEscape();
  if (count === 0) return false;
  const current = indexOf(props);
  const target = targetOf(key, current ?? -1, count, box);
  if (target === undefined) return current !== undefined && (onKey?.(key, rowAt(current)) ?? false);
  const index = Math.min(count - 1, Math.max(0, target));
  scrollTo(box, index);
  if (keyOf(rowAt(index)) !== selected) onSelect(rowAt(index));
  return true;
}

/** Where a key moves the selection to; it may lie beyond either end. */
function targetOf(key: string, from: number, count: number, { clientHeight }: HTMLDivElement): number | undefined {
  const page = Math.max(1, Math.floor(clientHeight / rowHeight) - 1);
  const targets: Readonly<Record<string, number>> = {
    ArrowDown: from + 1,
    ArrowUp: from - 1,
    PageDown: from + page,
    PageUp: from - page,
    Home: 0,
    End: count - 1,
  };
  return targets[key];
}

function indexOf<Row>({ count, rowAt, keyOf, selected }: VirtualRowsProps<Row>): number | undefined {
  for (let index = 0; index < count; index += 1) if (keyOf(rowAt(index)) === selected) return index;
  return undefined;
}

function scrollTo(box: HTMLDivElement, index: number): void {
  const top = index * rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
}
