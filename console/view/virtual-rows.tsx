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
  /** Handles keys that do not move the selection. Returns true if it has handled the key. */
  readonly onKey?: (key: string, row: Row) => boolean;
  readonly onEscape: () => void;
  readonly attributesOf?: (row: Row) => Record<string, string | number | boolean | undefined>;
  /** Number of rows ever added at the top. The scroll position follows them, so that the visible rows do not move. */
  readonly addedAtTop?: number;
  readonly children: (row: Row) => ComponentChildren;
  readonly empty: ComponentChildren;
}

/** Same as in style.css. */
const rowHeight = 28;
const overscanRows = 8;

/** Virtual list: renders only visible rows. It is one stop for the Tab key; arrow keys move the selection. */
export function VirtualRows<Row>(props: VirtualRowsProps<Row>) {
  const { count, rowAt, keyOf, selected, role } = props;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const { top, height } = useVisibleRange(box, props.addedAtTop);
  const first = Math.max(0, Math.floor(top / rowHeight) - overscanRows);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + overscanRows);
  const rows = Array.from({ length: Math.max(0, end - first) }, (_, index) => rowAt(first + index));
  const isVisible = rows.some((row) => keyOf(row) === selected);
  return (
    // biome-ignore-start lint/a11y: the roles (list or tree) are known only at run time; the list handles the keys
    <div
      ref={box}
      class="rows"
      role={role}
      aria-label={props.label}
      tabIndex={0}
      aria-activedescendant={isVisible ? `${id}-${selected}` : undefined}
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
    // biome-ignore-end lint/a11y: the roles below are static
  );
}

/** Returns the visible range of the list in pixels. */
function useVisibleRange(box: { readonly current: HTMLDivElement | null }, addedAtTop = 0) {
  const [range, setRange] = useState({ top: 0, height: 0 });
  const added = useRef(addedAtTop);
  useLayoutEffect(() => {
    const element = box.current!;
    const update = () => setRange({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(update);
    observer.observe(element);
    element.addEventListener('scroll', update, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', update);
    };
  }, []);
  useLayoutEffect(() => {
    const element = box.current!;
    if (element.scrollTop > 0) element.scrollTop += (addedAtTop - added.current) * rowHeight;
    added.current = addedAtTop;
  }, [addedAtTop]);
  return range;
}

function handleKey<Row>(key: string, props: VirtualRowsProps<Row>, box: HTMLDivElement): boolean {
  const { count, rowAt, keyOf, selected, onSelect, onKey, onEscape } = props;
  if (key === 'Escape') onEscape();
  if (count === 0) return false;
  const current = indexOf(props);
  const target = targetIndex(key, { from: current ?? -1, count }, box);
  if (target === undefined) return current !== undefined && (onKey?.(key, rowAt(current)) ?? false);
  const index = Math.min(count - 1, Math.max(0, target));
  scrollTo(box, index);
  if (keyOf(rowAt(index)) !== selected) onSelect(rowAt(index));
  return true;
}

/** Returns the index that a key moves the selection to, which may be out of range, or `undefined` for other keys. */
function targetIndex(
  key: string,
  { from, count }: { readonly from: number; readonly count: number },
  { clientHeight }: HTMLDivElement,
): number | undefined {
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
