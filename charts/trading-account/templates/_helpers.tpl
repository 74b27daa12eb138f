{{/* The sealed namespace of a side: (dict "chart" $ "side" "live"). */}}
{{- define "trading-account.namespace" -}}
trading-{{ .side }}-{{ .chart.Values.account }}
{{- end }}

{{/*
Labels, with further ones where given, and annotations of an object of a side, or of the account itself where no side is
given. Helm takes nothing of an account away by itself: a trader that runs must never lose a part of its seal.
*/}}
{{- define "trading-account.metadata" -}}
labels:
  helm.sh/chart: {{ printf "%s-%s" .chart.Chart.Name .chart.Chart.Version | replace "+" "_" }}
  app.kubernetes.io/name: trading-account
  app.kubernetes.io/instance: {{ .chart.Release.Name }}
  app.kubernetes.io/version: {{ .chart.Chart.AppVersion | quote }}
  app.kubernetes.io/part-of: triptych
  app.kubernetes.io/managed-by: {{ .chart.Release.Service }}
  triptych.trading/account: {{ .chart.Values.account | quote }}
  {{- with .side }}
  triptych.trading/side: {{ . }}
  {{- end }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  helm.sh/resource-policy: keep
{{- end }}

{{/* The labels of a trader's pod, which the operator gives it. */}}
{{- define "trading-account.traderLabels" -}}
app.kubernetes.io/name: trader
app.kubernetes.io/managed-by: triptych-operator
{{- end }}

{{/* Groups and users as the subjects of a binding: (dict "groups" list "users" list), each of them optional. */}}
{{- define "trading-account.subjects" -}}
{{- if or .groups .users -}}
subjects:
  {{- range .groups }}
  - apiGroup: rbac.authorization.k8s.io
    kind: Group
    name: {{ . | quote }}
  {{- end }}
  {{- range .users }}
  - apiGroup: rbac.authorization.k8s.io
    kind: User
    name: {{ . | quote }}
  {{- end }}
{{- else -}}
subjects: []
{{- end }}
{{- end }}
