{{/*
The shape of a trader's pod in a sealed namespace, as operator/decide/src/pod_template.rs renders it and Kubernetes'
own defaults complete it. Fields are listed, not forbidden one by one: what a later Kubernetes adds is refused until it is
listed here. `.side` is live or demo, `.tier` W or R, `.further` the fields of the pod that this tier alone has.
*/}}
{{- define "triptych.policies.traderPodVariables" -}}
- name: account
  expression: request.namespace.substring(13)
- name: spec
  expression: dyn(object.spec)
- name: container
  expression: dyn(object.spec.containers[0])
- name: environment
  expression: dyn(object.spec.containers[0].?env.orValue([]))
- name: volumes
  expression: dyn(object.spec.?volumes.orValue([]))
- name: security
  expression: dyn(object.spec.containers[0].?securityContext.orValue({}))
- name: hash
  expression: object.metadata.?annotations[?'triptych.trading/config-hash'].orValue('')
- name: configMap
  expression: "variables.hash.matches('^[0-9a-f]{64}$') ? 'config-' + variables.hash.substring(0, 32) : ''"
{{- end }}

{{- define "triptych.policies.traderPodValidations" -}}
- expression: >-
    object.metadata.name == 'trader-0'
    && object.metadata.?labels[?'app.kubernetes.io/managed-by'].orValue('') == 'triptych-operator'
    && object.metadata.?labels[?'triptych.trading/tier'].orValue('') == '{{ .tier }}'
  message: >-
    a pod here is trader-0 with the labels app.kubernetes.io/managed-by=triptych-operator and
    triptych.trading/tier={{ .tier }}
- expression: >-
    variables.spec.all(field, field in ['containers', 'volumes', 'restartPolicy', 'terminationGracePeriodSeconds',
    'dnsPolicy', 'nodeSelector', 'serviceAccountName', 'serviceAccount', 'automountServiceAccountToken',
    'securityContext', 'imagePullSecrets', 'hostname', 'subdomain', 'schedulerName', 'tolerations', 'priorityClassName',
    'priority', 'preemptionPolicy', 'enableServiceLinks'{{ range .further }}, '{{ . }}'{{ end }}])
  messageExpression: >-
    'spec has fields that a trader does not have: ' + variables.spec.map(field, field).filter(field, !(field in [
    'containers', 'volumes', 'restartPolicy', 'terminationGracePeriodSeconds',
    'dnsPolicy', 'nodeSelector', 'serviceAccountName', 'serviceAccount', 'automountServiceAccountToken',
    'securityContext', 'imagePullSecrets', 'hostname', 'subdomain', 'schedulerName', 'tolerations', 'priorityClassName',
    'priority', 'preemptionPolicy', 'enableServiceLinks'{{ range .further }}, '{{ . }}'{{ end }}])).join(', ')
- expression: >-
    variables.spec.restartPolicy == 'Always' && variables.spec.dnsPolicy == 'ClusterFirst'
    && variables.spec.schedulerName == 'default-scheduler' && variables.spec.?serviceAccountName.orValue('') == 'trader'
    && variables.spec.?enableServiceLinks.orValue(true) == false
  message: >-
    spec must have restartPolicy Always, dnsPolicy ClusterFirst, schedulerName default-scheduler, serviceAccountName
    trader and enableServiceLinks false
- expression: >-
    variables.spec.?tolerations.orValue([]).all(toleration,
      toleration.?key.orValue('').startsWith('node.kubernetes.io/'){{ if eq .tier "W" }}
      || (toleration.?key.orValue('') == '{{ include "triptych.policies.wNodeTaint" . }}'
          && toleration.?operator.orValue('Equal') == 'Equal' && toleration.?value.orValue('') == 'W'){{ end }})
  message: >-
    spec.tolerations may name taints of node.kubernetes.io/{{ if eq .tier "W" }} and {{ include "triptych.policies.wNodeTaint" . }}=W{{ end }}, nothing else
- expression: >-
    variables.spec.?imagePullSecrets.orValue([]).all(secret, secret.?name.orValue('').startsWith('pull-'))
  message: spec.imagePullSecrets may name Secrets pull-* only
- expression: >-
    variables.spec.containers.size() == 1 && variables.container.name == 'trader'
    && variables.container.all(field, field in ['name', 'image', 'imagePullPolicy', 'command', 'env', 'ports', 'resources',
    'resizePolicy', 'volumeMounts', 'startupProbe', 'livenessProbe', 'readinessProbe', 'terminationMessagePath',
    'terminationMessagePolicy', 'securityContext'])
  message: >-
    a trader's pod has one container, trader, with command, env, ports, resources, volumeMounts, http probes and a
    securityContext, and nothing else
- expression: variables.container.image.matches('^[^@]+@sha256:[0-9a-f]{64}$')
  message: "the image must be named by its digest: <repository>@sha256:<64 hexadecimal digits>"
- expression: variables.container.?command.orValue([]) == ['/usr/local/bin/trader', 'run']
  message: the command must be /usr/local/bin/trader run
- expression: >-
    ['startupProbe', 'livenessProbe', 'readinessProbe'].all(probe, !(probe in variables.container)
      || ('httpGet' in variables.container[probe] && !('host' in variables.container[probe].httpGet)))
  message: probes must ask the container itself, by httpGet
- expression: >-
    variables.environment.all(variable, variable.name.startsWith('TRIPTYCH_')
      && (!('valueFrom' in variable) || variable.valueFrom.all(source, source == 'fieldRef')))
  message: >-
    env holds variables TRIPTYCH_* with values or fields of the pod; keys come as files only, never as environment
- expression: >-
    variables.environment.exists_one(variable, variable.name == 'TRIPTYCH_TIER')
    && variables.environment.exists(variable, variable.name == 'TRIPTYCH_TIER' && variable.?value.orValue('') == '{{ .tier }}')
    && variables.environment.exists_one(variable, variable.name == 'TRIPTYCH_ACCOUNT')
    && variables.environment.exists(variable, variable.name == 'TRIPTYCH_ACCOUNT'
      && variable.?value.orValue('') == variables.account)
    && variables.environment.exists_one(variable, variable.name == 'TRIPTYCH_CONFIG_HASH')
    && variables.environment.exists(variable, variable.name == 'TRIPTYCH_CONFIG_HASH'
      && variable.?value.orValue('') == variables.hash)
  messageExpression: >-
    'env must say TRIPTYCH_TIER={{ .tier }}, TRIPTYCH_ACCOUNT=' + variables.account
    + ' and TRIPTYCH_CONFIG_HASH as the annotation triptych.trading/config-hash does, each once'
- expression: >-
    ['config', 'keys', 'journal'].all(needed, variables.volumes.exists(volume, volume.name == needed))
    && variables.volumes.all(volume,
      volume.name == 'config' ? variables.configMap != '' && volume.?configMap.?name.orValue('') == variables.configMap
        && !volume.configMap.?optional.orValue(false)
      : volume.name == 'keys' ? volume.?secret.?secretName.orValue('') == '{{ .side }}-' + variables.account
        && !volume.secret.?optional.orValue(false) && volume.secret.?defaultMode.orValue(420) == 288
      : volume.name == 'journal' ? volume.?persistentVolumeClaim.?claimName.orValue('') == 'journal-' + variables.account
      : volume.name.startsWith('kube-api-access-') && volume.?projected.?sources.orValue([]).size() > 0
        && volume.projected.sources.all(source, source.all(kind, kind in ['serviceAccountToken', 'configMap', 'downwardAPI'])))
  messageExpression: >-
    'volumes must be config (ConfigMap ' + (variables.configMap == '' ? 'of the hash' : variables.configMap)
    + '), keys (Secret {{ .side }}-' + variables.account + ', not optional, mode 0440) and journal (claim journal-'
    + variables.account + '), and nothing else'
- expression: >-
    variables.container.?volumeMounts.orValue([]).all(mount,
      mount.all(field, field in ['name', 'mountPath', 'readOnly'])
      && (mount.name == 'config' ? mount.mountPath == '/etc/triptych/config' && mount.?readOnly.orValue(false)
      : mount.name == 'keys' ? mount.mountPath == '/etc/triptych/keys' && mount.?readOnly.orValue(false)
      : mount.name == 'journal' ? mount.mountPath == '/var/lib/triptych'
      : mount.mountPath == '/var/run/secrets/kubernetes.io/serviceaccount' && mount.?readOnly.orValue(false)))
  message: >-
    volumeMounts must be config at /etc/triptych/config and keys at /etc/triptych/keys, both read-only, and journal at
    /var/lib/triptych
- expression: >-
    variables.spec.?securityContext.?runAsNonRoot.orValue(false) && variables.security.?runAsNonRoot.orValue(true)
    && !variables.security.?privileged.orValue(false) && !variables.security.?allowPrivilegeEscalation.orValue(true)
    && variables.security.?readOnlyRootFilesystem.orValue(false)
    && 'ALL' in variables.security.?capabilities.?drop.orValue([])
    && variables.security.?capabilities.?add.orValue([]).size() == 0
  message: >-
    securityContext must have runAsNonRoot, readOnlyRootFilesystem, no privilege escalation and no capability
{{- end }}
