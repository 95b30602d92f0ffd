import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly class?: string;
  readonly hint?: string;
  /** Renders the control with these attributes. */
  readonly children: (ids: { readonly id: string; readonly 'aria-describedby'?: string }) => ComponentChildren;
}

/** Labelled control of a form. */
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

/** Preact's types for an input do not accept a union of types. */
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

interface SelectProps<Value extends string | number> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [Value, string])[];
  readonly onValue: (value: Value) => void;
}

export function Select<Value extends string | number>({ label, value, options, onValue }: SelectProps<Value>) {
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

/** Select with all options visible side by side. */
export function RadioGroup<Value extends string>({ label, value, options, onValue }: SelectProps<Value>) {
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

interface CheckboxProps {
  readonly label: string;
  readonly checked: boolean;
  readonly onValue: (checked: boolean) => void;
}

export function Checkbox({ label, checked, onValue }: CheckboxProps) {
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

/** State of a form: its values, and the props of each field. */
export function useFields<Values extends object>(initial: Values) {
  const [values, setValues] = useState(initial);
  const set = (changes: Partial<Values>) => setValues((before) => ({ ...before, ...changes }));
  /** Returns the props of a text field. */
  const field = (name: keyof Values & string) => ({
    name,
    value: String(values[name]),
    onValue: (value: string) => set({ [name]: value } as unknown as Partial<Values>),
  });
  /** Returns the props of a checkbox. */
  const checkbox = (name: keyof Values & string) => ({
    checked: Boolean(values[name]),
    onValue: (checked: boolean) => set({ [name]: checked } as unknown as Partial<Values>),
  });
  return { values, set, field, checkbox };
}

interface ActionState {
  /** Text of the last success or failure; absent while the action runs, or after a success without a text. */
  readonly outcome?: { readonly good: boolean; readonly text: string };
  readonly busy: boolean;
  /** Runs an action that may fail. Its result is the text of the outcome. */
  readonly run: (act: () => Promise<string>) => Promise<void>;
}

/** Runs actions of a user and keeps the outcome of the last one. */
export function useAction(): ActionState {
  const [outcome, setOutcome] = useState<ActionState['outcome']>();
  const [busy, setBusy] = useState(false);
  const run = async (act: () => Promise<string>) => {
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
  return { outcome, busy, run };
}

export function Outcome({ outcome }: Pick<ActionState, 'outcome'>) {
  return (
    <p class={`outcome ${outcome?.good === false ? 'bad' : 'good'}`} role="status">
      {outcome?.text}
    </p>
  );
}
