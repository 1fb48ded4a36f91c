import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

/** The attributes whose values people read or hear. */
const read =
  /^(label|title|description|placeholder|alt|caption|legend|error|action|situation|aria-.*(label|text|description))$/;

const hasLetters = (text: string) => /\p{L}/u.test(text);

/** Returns the texts for people that stand in a component, each with its line. */
function textsOf(file: string, code: string): string[] {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const found: string[] = [];
  const report = (node: ts.Node, text: string) => {
    if (hasLetters(text)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${file}:${line + 1}: ${text.trim()}`);
    }
  };
  // The values that an expression can have, as far as they stand in it.
  const reportValue = (node: ts.Node | undefined): void => {
    if (!node) {
      return;
    }
    if (ts.isStringLiteralLike(node)) {
      report(node, node.text);
    } else if (ts.isTemplateExpression(node)) {
      report(node, [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join(" "));
    } else if (ts.isConditionalExpression(node)) {
      reportValue(node.whenTrue);
      reportValue(node.whenFalse);
    } else if (ts.isBinaryExpression(node)) {
      const { kind } = node.operatorToken;
      if (
        kind === ts.SyntaxKind.PlusToken ||
        kind === ts.SyntaxKind.BarBarToken ||
        kind === ts.SyntaxKind.QuestionQuestionToken
      ) {
        reportValue(node.left);
      }
      reportValue(node.right);
    } else if (ts.isParenthesizedExpression(node) || ts.isJsxExpression(node)) {
      reportValue(node.expression);
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) {
      report(node, node.text);
    } else if (
      ts.isJsxAttribute(node) &&
      read.test(node.name.getText()) &&
      node.parent.parent.tagName.getText() !== "form"
    ) {
      reportValue(node.initializer);
    } else if (ts.isJsxExpression(node) && (ts.isJsxElement(node.parent) || ts.isJsxFragment(node.parent))) {
      reportValue(node);
    } else if (ts.isPropertyAssignment(node) && ts.isStringLiteralLike(node.name) && read.test(node.name.text)) {
      reportValue(node.initializer); // such as closeButtonProps={{ "aria-label": … }}
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

test("all text for people stands in the catalogue", () => {
  const folder = join(import.meta.dirname, "..");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tsx"));
  expect(files.length).toBeGreaterThan(10);
  expect(files.flatMap((file) => textsOf(file, readFileSync(join(folder, file), "utf8")))).toEqual([]);
});

test.each([
  ["a text", "<p>Save</p>"],
  ["an attribute", '<Field label="Name" />'],
  ["an attribute in braces", '<Field label={"Name of " + it} />'],
  ["a choice", '<p>{busy ? words.busy : "ready"}</p>'],
  ["a condition", '<Field error={bad && "Not so"} />'],
  ["a label of a part", '<Dialog closeButtonProps={{ "aria-label": "Close" }} />'],
])("%s in a component is found", (_, code) => {
  expect(textsOf("x.tsx", `const it = ${code};`)).toHaveLength(1);
});

test.each([
  "<p>{words.save}</p>",
  '<p className="wide"> · {n}</p>',
  '<Field label={words.name} type="date" aria-current="page" />',
  '<p>{kind === "user" && words.user}</p>',
])("what is no text is not found: %s", (code) => {
  expect(textsOf("x.tsx", `const it = ${code};`)).toEqual([]);
});
