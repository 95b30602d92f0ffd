import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly class?: string;
  readonly hint?: string;
  /** What the control needs. */
  readonly children: (ids: { readonly id: string; readonly 'aria-describedby'?: string }) => ComponentChildren;
}

/** A control under its label. */
export function Field({ label, hint, children, class: name = '' }: FieldProps) {
  const id = useId();
  return (
    <div class={`field ${name}`}>
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {children({ id, ...(hint !== undefined && { 'aria-describedby': `${id}-hint` }) })}
    </div>
  );
}

interface InputProps {
  readonly label: string;
  readonly hint?: string;
  readonly class?: string;
  readonly name: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly required?: boolean;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly min?: number;
  readonly max?: number;
}

export function TextField({ label, hint, class: name, onValue, type = 'text', ...rest }: InputProps & TypeOfInput) {
  return (
    <Field label={label} hint={hint} class={name}>
      {(ids) => (
        <input
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          {...rest}
          {...({ type } as { type: 'text' })}
          {...ids}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** Preact has a type for each, and takes no union of them. */
interface TypeOfInput {
  readonly type?: 'text' | 'password' | 'number' | 'url';
}

interface AreaProps extends Pick<InputProps, 'label' | 'hint' | 'class' | 'name' | 'value' | 'onValue'> {
  readonly rows: number;
}

export function AreaField({ label, hint, class: name, onValue, ...rest }: AreaProps) {
  return (
    <Field label={label} hint={hint} class={name}>
      {(ids) => (
        <textarea spellcheck={false} {...rest} {...ids} onInput={(event) => onValue(event.currentTarget.value)} />
      )}
    </Field>
  );
}

interface ChoiceProps<Value extends string | number> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [Value, string])[];
  readonly onValue: (value: Value) => void;
}

export function Choice<Value extends string | number>({ label, value, options, onValue }: ChoiceProps<Value>) {
  return (
    <Field label={label}>
      {(ids) => (
        <select
          {...ids}
          value={value}
          onChange={({ currentTarget }) => onValue(options[currentTarget.selectedIndex]![0])}
        >
          {options.map(([each, text]) => (
            <option key={each} value={each}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** The same, all choices seen side by side. */
export function Segments<Value extends string>({ label, value, options, onValue }: ChoiceProps<Value>) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="unseen">{label}</legend>
      {options.map(([each, text]) => (
        <label key={each}>
          <input type="radio" name={name} value={each} checked={each === value} onChange={() => onValue(each)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface TickProps {
  readonly label: string;
  readonly checked: boolean;
  readonly onValue: (checked: boolean) => void;
}

export function Tick({ label, checked, onValue }: TickProps) {
  return (
    <label class="tick">
      <input type="checkbox" checked={checked} onChange={(event) => onValue(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

export const qosOptions = [
  [0, '0'],
  [1, '1'],
  [2, '2'],
] as const satisfies readonly (readonly [0 | 1 | 2, string])[];

/** Values of a form, and how to set one of them. */
export function useFields<Values extends object>(initial: Values) {
  const [values, setValues] = useState(initial);
  const set = (changes: Partial<Values>) => setValues((before) => ({ ...before, ...changes }));
  /** What a text field of this name needs. */
  const field = (name: keyof Values & string) => ({
    name,
    value: String(values[name]),
    onValue: (value: string) => set({ [name]: value } as unknown as Partial<Values>),
  });
  const tick = (name: keyof Values & string) => ({
    checked: Boolean(values[name]),
    onValue: (checked: boolean) => set({ [name]: checked } as unknown as Partial<Values>),
  });
  return { values, set, field, tick };
}

interface Attempt {
  /** What came of it, for a person; nothing while nothing has. */
  readonly outcome?: { readonly good: boolean; readonly text: string };
  readonly busy: boolean;
  /** Does something that may fail; what it resolves to is said. */
  readonly attempt: (act: () => Promise<string>) => Promise<void>;
}

/** Says what came of something that a person asked for. */
export function useAttempt(): Attempt {
  const [outcome, setOutcome] = useState<Attempt['outcome']>();
  const [busy, setBusy] = useState(false);
  const attempt = async (act: () => Promise<string>) => {
    setBusy(true);
    setOutcome(undefined);
    try {
      const text = await act();
      setOutcome(text === '' ? undefined : { good: true, text });
    } catch (error) {
      setOutcome({ good: false, text: (error as Error).message });
    }
    setBusy(false);
  };
  return { outcome, busy, attempt };
}

export function Outcome({ outcome }: Pick<Attempt, 'outcome'>) {
  return (
    <p class={`outcome ${outcome?.good === false ? 'bad' : 'good'}`} role="status">
      {outcome?.text}
    </p>
  );
}
