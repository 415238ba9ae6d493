// Written by npm run codegen.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type AskQueryVariables = Exact<{
  folder?: string | null | undefined;
}>;


export type AskQuery = { best: { nodes: Array<{ id: string, name: string, metrics: { nodes: Array<{ last: { value: number | string } }> } }> }, optimizers: { groups: Array<{ values: readonly (string | null)[], runs: number, measures: Array<{ mean: number | string | null }> }> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const AskDocument = new TypedDocumentString(`
    query Ask($folder: String) {
  best: runs(
    folder: $folder
    filter: "params.optimizer = 'adam' AND metrics.accuracy IS NOT NULL"
    orderBy: [{by: "metrics.accuracy DESC"}]
    first: 10
  ) {
    nodes {
      id
      name
      metrics(keys: ["accuracy"]) {
        nodes {
          last {
            value
          }
        }
      }
    }
  }
  optimizers: runGroups(
    folder: $folder
    by: ["params.optimizer"]
    measures: ["metrics.accuracy"]
    orderBy: {measure: "metrics.accuracy", statistic: MEAN}
  ) {
    groups {
      values
      runs
      measures {
        mean
      }
    }
  }
}
    `) as unknown as TypedDocumentString<AskQuery, AskQueryVariables>;